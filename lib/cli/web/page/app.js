// Runs in the browser. The server sends the text of its functions: see page.ts.
import { formatRate } from "../../board/figures.ts";
import { compareTopics } from "../../board/natural.ts";
import { Card } from "./card.js";
import { Detail } from "./detail.js";
import { Groups } from "./groups.js";
import { Log } from "./log.js";
import { readable } from "./readable.js";

/** Connects the page to the program that serves it. */
export function start() {
  const SILENT_MS = 7000; // the server sends something each second
  const HIDDEN_MS = 10_000;
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
    earlier: 0,
  };
  const detail = new Detail(
    (topic) => cards.get(topic)?.row,
    () => [...cards.keys()],
  );
  let events; // the stream of the server
  let lastWord = Date.now(); // when it last said something
  let isFresh = true; // whether its next event has all topics
  const groups = new Groups(() => groups.hide(cards.values(), matches));
  let refreshing;
  let resting;
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
      (known.missed > 0 ? `, ${count(known.missed, "message")} missed` : "");
    find("alarmed").hidden = known.alarms === 0;
    find("alarmed").textContent = `⚠ ${count(known.alarms, "alarm")}`;
    drawTitle();
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
    const notes = [
      [known.earlier, "earlier and not listed"],
      [known.skipped, "too fast to be listed"],
    ].filter(([number]) => number > 0)
      .map(([number, why]) => `${count(number, "message")} ${why}`);
    find("skipped").hidden = notes.length === 0;
    find("skipped").textContent = notes.join(", ");
  }

  function drawTitle() {
    const [opened] = detail.shown;
    document.title = (known.alarms > 0 ? `(${known.alarms} ⚠) ` : "") +
      (opened ? `${readable(opened.topic)} – fifobus` : "fifobus");
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
    const isGrouped = find("sort").value === "topic";
    const elements = groups.arrange(sorted, isGrouped);
    let place = list.firstElementChild;
    for (const element of elements) {
      if (element === place) place = place.nextElementSibling;
      else list.insertBefore(element, place);
    }
    groups.hide(cards.values(), matches);
  }

  function take({ data, lastEventId }) {
    const update = JSON.parse(data);
    lastWord = Date.now();
    showState("live");
    const isOther = update.run !== known.run;
    if (isOther) {
      cards.clear();
      dirty.clear();
      log.clear();
      find("cards").replaceChildren();
      groups.clear();
      known.skipped = known.earlier = 0;
    } else if (isFresh) {
      // While we were away, others may have taken their place.
      const shown = new Set(update.topics.map(({ topic }) => topic));
      update.gone.push(...[...cards.keys()].filter((it) => !shown.has(it)));
    }
    isFresh = false;
    known.run = update.run;
    known.lastId = lastEventId;
    known.total = update.total;
    known.missed = update.missed;
    known.known = update.known;
    known.matching = update.matching;
    known.rate = update.rate;
    known.alarms = update.alarms;
    known[isOther ? "earlier" : "skipped"] += update.skipped;
    find("detail-publish").hidden = !update.isWritable;
    for (const topic of update.gone) {
      const card = cards.get(topic);
      card?.element.remove();
      dirty.delete(card);
      cards.delete(topic);
      isUnsorted = true;
    }
    clock = update.now - Date.now();
    for (const row of update.topics) {
      let card = cards.get(row.topic);
      if (!card) {
        cards.set(row.topic, card = new Card(row.topic));
        isUnsorted = true;
      }
      if (row.alarm !== card.row?.alarm) isUnsorted = true;
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
    if (document.hidden) rest();
  }

  function connect() {
    clearTimeout(resting);
    events?.close();
    const query = new URLSearchParams();
    if (known.lastId) query.set("since", known.lastId);
    if (filter) query.set("filter", filter);
    if (find("sort").value !== "topic") query.set("sort", find("sort").value);
    events = new EventSource(query.size > 0 ? `updates?${query}` : "updates");
    isFiltered = filter !== "";
    lastWord = Date.now();
    events.onopen = () => isFresh = true;
    events.onmessage = take;
    events.onerror = () => {
      showState("connection lost, trying again", "lost");
      lastWord = Date.now();
      // A browser gives up if the answer is not an event stream.
      if (events.readyState !== EventSource.CLOSED) return;
      clearTimeout(resting);
      resting = setTimeout(connect, 2000);
    };
  }

  /**
   * A browser has six connections for all pages of a server, if they are not
   * encrypted. So a page that nobody sees asks now and then.
   */
  function rest() {
    events.close();
    clearTimeout(resting);
    resting = setTimeout(connect, HIDDEN_MS);
  }

  /** A dead network, or a stopped server, says nothing at all. */
  function watch() {
    const silentMs = Date.now() - lastWord;
    if (document.hidden || silentMs < SILENT_MS) return;
    if (events.readyState === EventSource.CLOSED) return;
    const isNew = known.run === "";
    showState(
      `no word for ${Math.floor(silentMs / 1000)} s, connecting again` +
        (isNew ? "; are more than six windows open?" : ""),
      "lost",
    );
    connect();
  }

  function showState(text, name = text) {
    if (find("state").textContent !== text) find("state").textContent = text;
    find("state").dataset.state = name;
  }

  /** Shows the topics of the address line, or all. */
  function route() {
    const before = detail.shown[0]?.topic;
    const isOpen = detail.open(location.hash);
    find("detail").hidden = !isOpen;
    find("all").hidden = isOpen;
    for (const it of document.querySelectorAll("label:has(select, #filter)")) {
      it.hidden = isOpen;
    }
    find("pause").hidden = find("to-log").hidden = isOpen;
    drawTitle();
    const topic = detail.shown[0]?.topic;
    if (topic === before) return;
    if (isOpen) {
      scrollTo(0, 0);
      find("detail-title").focus();
    } else cards.get(before)?.element.querySelector("a").focus();
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
    groups.hide(cards.values(), matches);
    log.choose(matches);
    schedule();
    refresh();
  };
  document.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) return;
    const action = {
      t: nextTheme,
      ...detail.shown.length > 0
        ? { Escape: () => location.hash = "" }
        : { p: pause, "/": () => find("filter").focus() },
    };
    if (!action[event.key]) return;
    event.preventDefault();
    action[event.key]();
  };
  // A click on a card opens its topic, unless it selects text.
  find("cards").onclick = ({ target }) => {
    const link = target.closest(".card")?.querySelector("a");
    if (!link || target.closest("a") || !getSelection().isCollapsed) return;
    location.hash = link.hash;
  };
  find("alarmed").onclick = (event) => {
    event.preventDefault();
    location.hash = "";
    find("sort").value = "alarm";
    find("sort").onchange();
    scrollTo(0, 0);
  };
  find("to-log").onclick = (event) => {
    event.preventDefault();
    find("messages").scrollIntoView();
    find("log").focus({ preventScroll: true });
  };
  addEventListener("hashchange", route);
  // What sticks to the top stays below the header.
  const header = document.querySelector("header");
  new ResizeObserver(() => {
    const { style } = document.documentElement;
    style.setProperty("--top", `${header.offsetHeight}px`);
  }).observe(header);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) rest();
    else connect();
  });
  // On a phone the first card is all one sees.
  if (matchMedia("(max-width: 40rem)").matches) find("sort").value = "alarm";
  setInterval(() => {
    watch();
    for (const card of cards.values()) dirty.add(card);
    if (find("sort").value !== "topic") isUnsorted = true;
    schedule();
  }, 1000);
  setTheme(localStorage.getItem("theme") ?? "system");
  connect();
  route();
}
