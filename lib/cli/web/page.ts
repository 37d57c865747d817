/**
 * The page and its parts. All of it is in the program, so the program fetches
 * nothing, neither from the network nor from the folder of a binary.
 *
 * @module
 */
import { formatAge, formatNumber, formatRate } from "../board/figures.ts";
import { compareTopics } from "../board/natural.ts";
import { readable, start } from "./page/app.js";
import { Card, chartPath } from "./page/card.js";
import { Log } from "./page/log.js";
import { STYLE } from "./style.ts";

/** A part of the page. */
interface Part {
  text: string;
  type: string;
}

const HTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fifobus</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="style.css">
<script type="module" src="app.js"></script>
</head>
<body>
<header>
<h1>fifobus</h1>
<p id="state" role="status">connecting</p>
<p id="counts"></p>
<div id="controls">
<label>Filter <input id="filter" type="search" autocomplete="off" aria-keyshortcuts="/"></label>
<label>Sort <select id="sort">
<option value="topic">topic</option>
<option value="age">last message</option>
<option value="rate">rate</option>
<option value="value">value</option>
<option value="alarm">alarms first</option>
</select></label>
<button id="pause" type="button" aria-pressed="false" aria-keyshortcuts="p">Pause</button>
<button id="theme" type="button" aria-keyshortcuts="t">Theme: system</button>
</div>
</header>
<main>
<section aria-labelledby="topics-title">
<h2 id="topics-title">Topics</h2>
<p id="hidden" role="status" hidden></p>
<ul id="cards"></ul>
</section>
<section aria-labelledby="messages-title">
<h2 id="messages-title">Messages</h2>
<p id="skipped" hidden></p>
<ol id="log" tabindex="0" aria-labelledby="messages-title"></ol>
</section>
</main>
<p id="alarms" class="unseen" role="alert"></p>
<footer>Keys: <kbd>/</kbd> filter, <kbd>p</kbd> pause, <kbd>t</kbd> theme.
<a href="api/topics">JSON</a>, <a href="metrics">metrics</a></footer>
<noscript>This page draws itself with JavaScript. <a href="api/topics">JSON</a> needs none.</noscript>
</body>
</html>
`;

const ICON =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M1 11 5 6l3 3 6-6" fill="none" stroke="#0a7d6c" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"/></svg>
`;

/** The browser's modules in one script; it contains everything they import. */
const SCRIPT = [
  formatAge,
  formatNumber,
  formatRate,
  compareTopics,
  readable,
  chartPath,
  Card,
  Log,
  start,
].join("\n\n") + "\n\nstart();\n";

/** The parts, by their paths. */
export const PAGE: Record<string, Part> = {
  "/": { text: HTML, type: "text/html; charset=utf-8" },
  "/style.css": { text: STYLE, type: "text/css; charset=utf-8" },
  "/app.js": { text: SCRIPT, type: "text/javascript; charset=utf-8" },
  "/icon.svg": { text: ICON, type: "image/svg+xml" },
};
