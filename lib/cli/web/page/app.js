// Runs in the browser. The server sends the text of its functions: see page.ts.
import { formatRate } from "../../board/figures.ts";
import { compareTopics } from "../../board/natural.ts";
import { Card } from "./card.js";
import { Log } from "./log.js";

/**
 * Makes control characters visible, and characters that turn text around. A
 * browser would obey them or leave them out.
 */
export function readable(text) {
  return text.replaceAll(
    /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu,
    (it) => {
      const code = it.codePointAt(0);
      if (code < 0x80) return `^${String.fromCodePoint(code ^ 0x40)}`;
      return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
    },
  );
}

/** Connects the page to the program that serves it. */
export function start() {
  const find = (id) => document.getElementById(id);
  const cards = new Map();
  const dirty = new Set();
  const log = new Log(find("log"));
  const known = {
    run: "",
    lastId: "",
    total: 0,
    missed: 0,
    known: 0,
    matching: 0,
    rate: 0,
    alarms: 0,
    skipped: 0,
  };
  let events; // the stream of the server
  let refreshing;
  let clock = 0; // by how much the server's clock is ahead
  let isPaused = false;
  let isWaiting = false;
  let isUnsorted = false;
  let filter = "";
  let isFiltered = false; // whether the server leaves out topics

  const now = () => Date.now() + clock;
  const matches = ({ topic }) => topic.toLowerCase().includes(filter);

  function schedule() {
    if (isWaiting || isPaused) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      if (!isPaused) draw();
    });
  }

  function draw() {
    const time = now();
    for (const card of dirty) card.draw(time);
    dirty.clear();
    log.draw();
    if (isUnsorted) sortCards();
    const count = (number, what) =>
      `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
    find("counts").textContent = `${count(known.known, "topic")}, ` +
      `${count(known.total, "message")}, ${formatRate(known.rate)}/s` +
      (known.missed > 0 ? `, ${count(known.missed, "message")} missed` : "") +
      (known.alarms > 0 ? `, ${count(known.alarms, "alarm")}` : "");
    document.title = known.alarms > 0
      ? `(${known.alarms} ⚠) fifobus`
      : "fifobus";
    const notice = isPartial()
      ? `${cards.size.toLocaleString("en")} of ${
        count(known.matching, filter === "" ? "topic" : "matching topic")
      } are shown, those with alarms first. The filter finds the others.`
      : filter !== "" && known.known > 0 &&
          ![...cards.values()].some(({ row }) => matches(row))
      ? `No topic contains "${readable(filter)}".`
      : "";
    find("hidden").hidden = notice === "";
    find("hidden").textContent = notice;
    find("skipped").hidden = known.skipped === 0;
    find("skipped").textContent = `${
      known.skipped.toLocaleString("en")
    } messages came too fast, or too early, to be listed`;
  }

  /** Whether the server knows more topics than the page shows. */
  function isPartial() {
    return known.matching > cards.size;
  }

  function compare(a, b) {
    const by = find("sort").value;
    const order = by === "age"
      ? b.at - a.at
      : by === "rate"
      ? b.rate - a.rate
      : by === "value"
      ? (b.value ?? -Infinity) - (a.value ?? -Infinity)
      : by === "alarm"
      ? Number(b.alarm) - Number(a.alarm)
      : 0;
    return order || compareTopics(a.topic, b.topic);
  }

  /** Moves only the cards that are in the wrong place. */
  function sortCards() {
    isUnsorted = false;
    const list = find("cards");
    const sorted = [...cards.values()].sort((a, b) => compare(a.row, b.row));
    let place = list.firstElementChild;
    for (const { element } of sorted) {
      if (element === place) place = place.nextElementSibling;
      else list.insertBefore(element, place);
    }
  }

  function take({ data, lastEventId }) {
    const update = JSON.parse(data);
    if (update.run !== known.run) {
      cards.clear();
      dirty.clear();
      log.clear();
      find("cards").replaceChildren();
      known.skipped = 0;
    }
    known.run = update.run;
    known.lastId = lastEventId;
    known.total = update.total;
    known.missed = update.missed;
    known.known = update.known;
    known.matching = update.matching;
    known.rate = update.rate;
    known.alarms = update.alarms;
    known.skipped += update.skipped;
    for (const topic of update.gone) {
      const card = cards.get(topic);
      card?.element.remove();
      dirty.delete(card);
      cards.delete(topic);
    }
    clock = update.now - Date.now();
    for (const row of update.topics) {
      let card = cards.get(row.topic);
      if (!card) {
        cards.set(row.topic, card = new Card(row.topic));
        card.element.hidden = !matches(row);
        isUnsorted = true;
      }
      if (row.alarm && !card.row?.alarm) {
        find("alarms").textContent = `Alarm: ${readable(row.topic)} ${
          readable(row.text.slice(0, 100))
        }`;
      }
      card.update(row);
      dirty.add(card);
    }
    log.add(update.messages, update.history);
    schedule();
  }

  function connect() {
    const query = new URLSearchParams();
    if (known.lastId) query.set("since", known.lastId);
    if (filter) query.set("filter", filter);
    if (find("sort").value !== "topic") query.set("sort", find("sort").value);
    events = new EventSource(query.size > 0 ? `updates?${query}` : "updates");
    isFiltered = filter !== "";
    const state = (text, name) => {
      find("state").textContent = text;
      find("state").dataset.state = name;
    };
    events.onopen = () => state("live", "live");
    events.onmessage = take;
    events.onerror = () => {
      state("connection lost, trying again", "lost");
      // A browser gives up if the answer is not an event stream.
      if (events.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
    };
  }

  /** Asks the server for other topics, if it has not sent all. */
  function refresh() {
    if (!isPartial() && !isFiltered) return;
    clearTimeout(refreshing);
    refreshing = setTimeout(() => {
      events.close();
      known.run = "";
      known.lastId = "";
      connect();
    }, 200);
  }

  function pause() {
    isPaused = !isPaused;
    find("pause").setAttribute("aria-pressed", String(isPaused));
    find("pause").textContent = isPaused ? "Paused" : "Pause";
    if (!isPaused) schedule();
  }

  function setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    find("theme").textContent = `Theme: ${theme}`;
    localStorage.setItem("theme", theme);
  }

  function nextTheme() {
    const themes = ["system", "light", "dark"];
    const { theme } = document.documentElement.dataset;
    setTheme(themes[(themes.indexOf(theme) + 1) % themes.length]);
  }

  find("pause").onclick = pause;
  find("theme").onclick = nextTheme;
  find("sort").onchange = () => {
    isUnsorted = true;
    schedule();
    refresh();
  };
  find("filter").oninput = ({ target }) => {
    filter = target.value.toLowerCase();
    for (const { element, row } of cards.values()) {
      element.hidden = !matches(row);
    }
    log.choose(matches);
    schedule();
    refresh();
  };
  document.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select")) return;
    const action = {
      "/": () => find("filter").focus(),
      p: pause,
      t: nextTheme,
    };
    if (!action[event.key]) return;
    event.preventDefault();
    action[event.key]();
  };
  setInterval(() => {
    for (const card of cards.values()) dirty.add(card);
    if (find("sort").value !== "topic") isUnsorted = true;
    schedule();
  }, 1000);
  setTheme(localStorage.getItem("theme") ?? "system");
  connect();
}
