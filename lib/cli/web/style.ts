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
h1 { margin: 0; font-size: 1.15rem; color: var(--accent); }
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
@media (max-width: 60rem) { main { grid-template-columns: minmax(0, 1fr); } }
ul, ol { list-style: none; margin: 0; padding: 0; }
#cards { display: grid; gap: 0.7rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.card {
  content-visibility: auto; contain-intrinsic-size: auto 11rem;
  display: flex; flex-direction: column; gap: 0.25rem;
  padding: 0.7rem 0.9rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px;
}
.card .head { display: flex; align-items: baseline; gap: 0.6rem; }
.card .age { margin-left: auto; font-size: 0.8rem; color: var(--faint); white-space: nowrap; }
.card h3 { margin: 0; font-size: 0.85rem; font-weight: 600; overflow-wrap: anywhere; }
.card .value { margin: 0; font-size: 1.9rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card .unit { font-size: 1rem; color: var(--faint); }
.card .text {
  margin: 0; color: var(--faint); font: 0.85rem/1.35 ui-monospace, monospace; overflow-wrap: anywhere;
  max-height: 5.4em; overflow: hidden; white-space: pre-wrap;
}
.card svg { width: 100%; height: 2.6rem; }
.card path { fill: none; stroke: var(--accent); stroke-width: 1.6; vector-effect: non-scaling-stroke; }
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
  max-height: 75vh; overflow: auto; background: var(--card);
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
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); margin: 0; }
bdi { unicode-bidi: isolate; }
`;
