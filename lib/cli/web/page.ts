/**
 * The page and its parts. All of it is in the program, so the program fetches
 * nothing, neither from the network nor from the folder of a binary.
 *
 * @module
 */
import { formatAge, formatNumber, formatRate } from "../board/figures.ts";
import { compareTopics } from "../board/natural.ts";
import { longestPause } from "../board/pauses.ts";
import { start } from "./page/app.js";
import { Card, chartPath } from "./page/card.js";
import { alignPasts, axisTexts, Chart, valueAt } from "./page/chart.js";
import { Detail, hashName, readHash } from "./page/detail.js";
import { groupDepth, Groups } from "./page/groups.js";
import { Log } from "./page/log.js";
import { hexDump, jsonTree, messageBody } from "./page/message.js";
import { readable } from "./page/readable.js";
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
<h1><a href="#">fifobus</a></h1>
<p id="state" role="status">connecting</p>
<p id="counts"></p>
<a id="alarmed" href="#" hidden></a>
<a id="to-log" href="#">Messages</a>
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
<main id="all">
<section aria-labelledby="topics-title">
<h2 id="topics-title">Topics</h2>
<p id="hidden" role="status" hidden></p>
<ul id="cards"></ul>
</section>
<section id="messages" aria-labelledby="messages-title">
<h2 id="messages-title">Messages</h2>
<p id="skipped" hidden></p>
<ol id="log" tabindex="0" aria-labelledby="messages-title"></ol>
</section>
</main>
<main id="detail" aria-labelledby="detail-title" hidden>
<p><a id="detail-back" href="#" aria-keyshortcuts="Escape">← All topics</a></p>
<h2 id="detail-title" tabindex="-1"></h2>
<p id="detail-about"></p>
<ul id="detail-alarms"></ul>
<div class="bar">
<div id="detail-spans" role="group" aria-label="Time to show">
<button type="button" value="1m">1 min</button>
<button type="button" value="15m">15 min</button>
<button type="button" value="1h">1 h</button>
<button type="button" value="6h">6 h</button>
<button type="button" value="24h">24 h</button>
</div>
<form id="detail-add"><label>Compare with <input id="detail-other" list="detail-topics" autocomplete="off" placeholder="topic"></label>
<datalist id="detail-topics"></datalist>
<button type="submit">Add</button></form>
</div>
<ul id="detail-legend"></ul>
<p class="bar"><span id="detail-time">now</span> <span id="detail-limit" hidden>– – limit of an alarm</span></p>
<div id="detail-chart" role="img" tabindex="0" hidden></div>
<p id="detail-none" hidden>No number in this time.</p>
<div class="columns">
<section aria-labelledby="detail-title">
<div id="detail-numbers" class="wide"><h3>Values</h3>
<table id="detail-values"><thead><tr><th scope="col">value</th><th scope="col">last</th><th scope="col">min</th><th scope="col">mean</th><th scope="col">max</th></tr></thead><tbody></tbody></table></div>
<form id="detail-publish" hidden>
<h3>Publish</h3>
<label>Message <textarea id="detail-text" rows="2"></textarea></label>
<p class="bar"><label><input id="detail-retain" type="checkbox"> keep as the last value</label>
<button type="submit">Publish</button>
<span id="detail-published" role="status"></span></p>
</form>
</section>
<section aria-labelledby="detail-messages-title">
<h3 id="detail-messages-title">Last messages</h3>
<ol id="detail-messages"></ol>
</section>
</div>
</main>
<p id="alarms" class="unseen" role="alert"></p>
<footer>Keys: <kbd>/</kbd> filter, <kbd>p</kbd> pause, <kbd>t</kbd> theme,
<kbd>Enter</kbd> open a topic, <kbd>Esc</kbd> back.
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
  longestPause,
  readable,
  chartPath,
  Card,
  groupDepth,
  Groups,
  Log,
  hashName,
  readHash,
  hexDump,
  jsonTree,
  messageBody,
  alignPasts,
  axisTexts,
  valueAt,
  Chart,
  Detail,
  start,
].join("\n\n") + "\n\nstart();\n";

/** The parts, by their paths. */
export const PAGE: Record<string, Part> = {
  "/": { text: HTML, type: "text/html; charset=utf-8" },
  "/style.css": { text: STYLE, type: "text/css; charset=utf-8" },
  "/app.js": { text: SCRIPT, type: "text/javascript; charset=utf-8" },
  "/icon.svg": { text: ICON, type: "image/svg+xml" },
  // For pages of --www, which name no icon.
  "/favicon.ico": { text: ICON, type: "image/svg+xml" },
};
