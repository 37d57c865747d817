/**
 * The style of the page.
 *
 * @module
 */

/** The style sheet; text and background have a contrast of at least 4.5. */
export const STYLE = `:root {
  color-scheme: light dark;
  --back: light-dark(#f4f6f6, #14191a);
  --card: light-dark(#ffffff, #1e2526);
  --text: light-dark(#182022, #e7eded);
  --faint: light-dark(#566163, #a3b0b2);
  --line: light-dark(#d5dddd, #3a4648);
  --accent: light-dark(#0a7d6c, #4fd0ba);
  --alarm: light-dark(#b3261e, #ff8a80);
  font: 15px/1.4 system-ui, sans-serif;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--back); color: var(--text); }
header {
  position: sticky; top: 0; z-index: 1;
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.3rem 1.2rem;
  padding: 0.6rem 1.2rem; background: var(--card);
  border-bottom: 1px solid var(--line);
}
h1 { margin: 0; font-size: 1.15rem; }
h1 a { color: var(--accent); text-decoration: none; }
#alarmed { color: var(--alarm); font-weight: 600; }
#to-log { display: none; color: var(--accent); }
h2 { margin: 1rem 0 0.5rem; font-size: 1rem; }
header p { margin: 0; color: var(--faint); font-variant-numeric: tabular-nums; }
#state::before { content: "●"; margin-right: 0.35em; color: var(--accent); }
#state[data-state="lost"], #state[data-state="lost"]::before { color: var(--alarm); }
#controls { display: flex; flex-wrap: wrap; gap: 0.6rem; margin-left: auto; }
input, select, button {
  font: inherit; color: inherit; background: var(--back);
  border: 1px solid var(--faint); border-radius: 6px; padding: 0.2rem 0.6rem;
}
button { cursor: pointer; }
button[aria-pressed="true"] { background: var(--accent); color: var(--card); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
main {
  display: grid; grid-template-columns: minmax(0, 3fr) minmax(16rem, 2fr);
  gap: 1.2rem; padding: 0 1.2rem 1rem;
}
#messages { position: sticky; top: var(--top, 3rem); align-self: start; }
@media (max-width: 60rem) {
  main { grid-template-columns: minmax(0, 1fr); }
  #messages { position: static; scroll-margin-top: var(--top, 3rem); }
  #to-log { display: inline; }
}
@media (max-width: 40rem) {
  header { padding: 0.3rem 0.8rem; gap: 0.2rem 0.8rem; font-size: 0.85rem; }
  header h1 { font-size: 1rem; }
  #controls { margin: 0; width: 100%; gap: 0.4rem; flex-wrap: nowrap; }
  #controls label { display: flex; align-items: center; gap: 0.3rem; min-width: 0; }
  #controls label:first-child { flex: 1; }
  #controls input, #controls select { width: 100%; min-width: 0; }
  #theme { display: none; }
  main { padding: 0 0.8rem 1rem; }
}
ul, ol { list-style: none; margin: 0; padding: 0; }
#cards { display: grid; gap: 0.7rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.card {
  content-visibility: auto; contain-intrinsic-size: auto 11rem;
  display: flex; flex-direction: column; gap: 0.25rem;
  padding: 0.7rem 0.9rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px;
}
.card { cursor: pointer; }
.card:hover { border-color: var(--accent); }
.card .head { display: flex; align-items: baseline; gap: 0.6rem; }
.group { grid-column: 1 / -1; }
.group button { display: flex; gap: 0.6em; border: 0; background: none; padding: 0.2rem 0; font-weight: 600; }
.group button::before { content: "▾"; color: var(--faint); }
.group button[aria-expanded="false"]::before { content: "▸"; }
.group span { color: var(--faint); font-weight: 400; }
.card .age { margin-left: auto; font-size: 0.8rem; color: var(--faint); white-space: nowrap; }
.card h3 { margin: 0; font-size: 0.85rem; font-weight: 600; overflow-wrap: anywhere; max-height: 4.2em; overflow: hidden; }
.card h3 a { color: inherit; text-decoration: none; }
.card h3 a:hover { text-decoration: underline; }
.card .value { margin: 0; font-size: 1.9rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card .value[data-long] { font-size: 1.2rem; line-height: 1.9; }
.card .unit { font-size: 1rem; color: var(--faint); }
.card .text {
  margin: 0; color: var(--faint); font: 0.85rem/1.35 ui-monospace, monospace; overflow-wrap: anywhere;
  max-height: 2.7em; overflow: hidden; white-space: pre-wrap;
}
.card svg { width: 100%; height: 2.6rem; margin-top: auto; }
.card path { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.card .others { max-height: 4.2em; overflow: hidden; }
.card dl { display: flex; flex-wrap: wrap; gap: 0 0.9rem; margin: 0; font-size: 0.8rem; color: var(--faint); font-variant-numeric: tabular-nums; }
.card dl div { display: flex; gap: 0.3em; }
.card dd { margin: 0; color: var(--text); }
.card .value[data-on] .number { color: var(--accent); }
.card .value[hidden] + .text { color: var(--text); font-size: 1rem; }
.card[data-stale] .value, .card[data-stale] .value[hidden] + .text, .card[data-stale] h3 { color: var(--faint); }
.card[data-stale] path { stroke: var(--faint); }
.card[data-alarm] { border: 2px solid var(--alarm); }
.card[data-alarm] .value { color: var(--alarm); }
.badge { white-space: nowrap; font-size: 0.75rem; font-weight: 600; color: var(--alarm); }
.card .note { color: var(--faint); font-size: 0.75rem; margin: 0; }
#log {
  max-height: calc(100vh - var(--top, 3rem) - 6.5rem); overflow: auto; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; padding: 0.4rem 0;
  font: 0.82rem/1.45 ui-monospace, monospace;
}
#log li { padding: 0.1rem 0.9rem; overflow-wrap: anywhere; }
#log time { color: var(--faint); margin-right: 0.8em; }
#log .topic { color: var(--accent); margin-right: 0.8em; }
#log .text { white-space: pre-wrap; }
#hidden, #skipped, footer { color: var(--faint); font-size: 0.85rem; }
footer { padding: 0 1.2rem 1.2rem; }
footer a { color: var(--accent); }
kbd { border: 1px solid var(--line); border-radius: 4px; padding: 0 0.3em; }
#detail { display: block; max-width: 80rem; margin: 0 auto; }
#detail h2 { font-size: 1.3rem; overflow-wrap: anywhere; margin: 0; }
#detail-title:focus { outline: none; }
#detail h3 { margin: 1rem 0 0.5rem; font-size: 1rem; }
#detail p { margin: 0.4rem 0; }
#detail a { color: var(--accent); }
#detail-about, #detail-time, #detail-alarms { color: var(--faint); font-variant-numeric: tabular-nums; }
#detail-alarms [data-alarm], #detail-limit { color: var(--alarm); }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1.2rem; margin: 0.6rem 0; }
#detail-spans { display: flex; flex-wrap: wrap; gap: 0.3rem; }
#detail-add, #detail-add label { display: flex; align-items: center; gap: 0.3rem; min-width: 0; white-space: nowrap; }
#detail-add input { min-width: 0; width: 14rem; }
#detail-legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; }
#detail-legend li { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5em; overflow-wrap: anywhere; }
#detail-legend output { font-weight: 600; font-variant-numeric: tabular-nums; }
.swatch { width: 1.2em; height: 0; border-top: 3px solid; }
.series-0 .swatch { color: var(--accent); }
.series-1 .swatch { color: light-dark(#7a4fbf, #b79cf0); }
.series-2 .swatch { color: light-dark(#a85a00, #f0a95a); }
.series-3 .swatch { color: light-dark(#1f6fb5, #78b8f2); }
.series-4 .swatch { color: light-dark(#a8307c, #f08cc8); }
.series-5 .swatch { color: light-dark(#6b6b00, #c8c85a); }
#detail-chart { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.4rem 0; overflow: hidden; }
#detail-chart .u-legend { display: none; }
#detail .columns { display: grid; gap: 0 1.6rem; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); }
@media (max-width: 60rem) { #detail .columns { grid-template-columns: minmax(0, 1fr); } }
#detail .wide { overflow-x: auto; }
#detail table { border-collapse: collapse; font-size: 0.9rem; width: 100%; }
#detail th, #detail td { text-align: right; padding: 0.2rem 0.6rem; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
#detail th:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere; }
#detail textarea { display: block; width: 100%; font: 0.9rem ui-monospace, monospace; color: inherit; background: var(--back); border: 1px solid var(--faint); border-radius: 6px; padding: 0.3rem 0.6rem; }
#detail-messages li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.3rem 0.9rem; margin-bottom: 0.4rem; font-size: 0.85rem; }
#detail-messages p { color: var(--faint); margin: 0; }
#detail-messages pre, .json { margin: 0.2rem 0; font: 0.82rem/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow: auto; }
.json details > :not(summary) { margin-left: 1.2em; }
.json .name { color: var(--accent); }
.json summary { cursor: pointer; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); margin: 0; }
bdi { unicode-bidi: isolate; }
`;
