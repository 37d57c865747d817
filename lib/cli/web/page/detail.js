// Runs in the browser. The server sends the text of its functions: see page.ts.
import { formatAge, formatNumber, formatRate } from "../../board/figures.ts";
import { Chart } from "./chart.js";
import { messageBody } from "./message.js";
import { readable } from "./readable.js";

/** The name of a topic or a path in the address line. */
export function hashName(text) {
  return encodeURIComponent(text).replaceAll("%2F", "/");
}

/**
 * Reads what the address line says: `#topic:path,other/topic;1h`. Without a
 * path it is the leading value.
 */
export function readHash(hash) {
  const [list, span = "1m"] = hash.slice(1).split(";");
  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  const shown = list.split(",").filter(Boolean).map((it) => {
    const [topic, path] = it.split(":").map(decoded);
    return { topic, path };
  });
  return { shown, span };
}

/** Shows one topic large: a chart, all of its values, its last messages. */
export class Detail {
  constructor(rowOf, topicsOf) {
    this.rowOf = rowOf;
    this.topicsOf = topicsOf;
    this.shown = [];
    this.span = "1m";
    this.known = 0; // the number of the last message that is listed
    this.isBusy = false;
    this.chart = new Chart(this.find("chart"));
    this.chart.onCursor = (at, values) => this.point(at, values);
    for (const button of this.find("spans").children) {
      button.onclick = () => this.go({ span: button.value });
    }
    this.find("add").onsubmit = (event) => {
      event.preventDefault();
      const input = this.find("other");
      const [topic, path] = input.value.split(" # ");
      input.value = "";
      if (topic) this.go({ shown: [...this.shown, { topic, path }] });
    };
    this.find("publish").onsubmit = (event) => {
      event.preventDefault();
      this.publish();
    };
  }

  find(name) {
    return document.getElementById(`detail-${name}`);
  }

  /** Writes another state into the address line, which shows it. */
  go({ shown = this.shown, span = this.span }) {
    const list = shown.map(({ topic, path }) =>
      hashName(topic) + (path === undefined ? "" : `:${hashName(path)}`)
    );
    location.hash = list.join() + (span === "1m" ? "" : `;${span}`);
  }

  /** Shows what the address line says. Returns whether that is a topic. */
  open(hash) {
    const buttons = [...this.find("spans").children];
    const { shown, span: wanted } = readHash(hash);
    const span = buttons.some(({ value }) => value === wanted) ? wanted : "1m";
    const isOther = shown[0]?.topic !== this.shown[0]?.topic;
    this.shown = shown;
    this.span = span;
    clearInterval(this.timer);
    if (shown.length === 0) {
      this.chart.clear();
      return false;
    }
    if (isOther) {
      this.known = 0;
      this.find("messages").replaceChildren();
      this.find("values").tBodies[0].replaceChildren();
      this.find("about").textContent = "";
      this.find("alarms").replaceChildren();
      this.find("published").textContent = "";
      const name = document.createElement("bdi");
      name.textContent = readable(shown[0].topic);
      this.find("title").replaceChildren(name);
    }
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.value === span));
    }
    this.find("topics").replaceChildren(
      ...this.topicsOf().map((topic) => {
        const option = document.createElement("option");
        option.value = topic;
        return option;
      }),
    );
    this.refreshed = 0;
    this.drawLegend();
    this.refresh();
    this.timer = setInterval(() => this.refresh(), 1000);
    return true;
  }

  async fetch(what, query) {
    // Proxies change a path: they join slashes, and decode them.
    const response = await fetch(`api/${what}?${new URLSearchParams(query)}`);
    return response.ok ? await response.json() : undefined;
  }

  /** Asks for what is new; one time at a time. */
  async refresh() {
    if (this.isBusy || document.hidden) return;
    this.isBusy = true;
    const { shown, span } = this;
    try {
      const [{ topic }] = shown;
      // Long spans have long steps.
      const pauseMs =
        { "15m": 4_500, "1h": 9_500, "6h": 30_000, "24h": 60_000 }[
          span
        ] ?? 900;
      const isDue = Date.now() - this.refreshed >= pauseMs;
      const isNew = this.known === 0 ||
        this.rowOf(topic)?.sequence !== this.last?.sequence;
      const [about, pasts] = await Promise.all([
        isNew || isDue
          ? this.fetch("topics", { topic, since: this.known })
          : undefined,
        isDue
          ? Promise.all(shown.map(({ topic, path }) => {
            const query = path === undefined ? {} : { path };
            return this.fetch("history", { topic, span, ...query });
          }))
          : undefined,
      ]);
      if (shown !== this.shown) return;
      if (about) this.drawAbout(about);
      if (pasts) {
        this.refreshed = Date.now();
        this.pasts = pasts;
        await this.draw();
      }
    } catch {
      // The state of the connection is shown in the header.
    } finally {
      this.isBusy = false;
      if (shown !== this.shown && this.shown.length > 0) this.refresh();
    }
  }

  async draw() {
    const limits = (this.last?.limits ?? []).filter(({ limit, path }) =>
      limit !== null && (path === null || path === this.pasts[0]?.path)
    );
    const colors = [...this.find("legend").children].map((it) =>
      getComputedStyle(it.querySelector(".swatch")).color
    );
    await this.chart.draw(this.pasts, { limits, colors });
    this.point();
  }

  /** The topics of the chart, with their values under the pointer. */
  drawLegend() {
    const items = this.shown.map(({ topic, path }, i) => {
      const item = document.createElement("li");
      item.className = `series-${i % 6}`;
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      const name = document.createElement("bdi");
      name.textContent = readable(path ? `${topic} # ${path}` : topic);
      const value = document.createElement("output");
      item.append(swatch, name, value);
      if (i > 0) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = "✕";
        button.setAttribute("aria-label", `Remove ${name.textContent}`);
        button.onclick = () =>
          this.go({ shown: this.shown.filter((_, at) => at !== i) });
        item.append(button);
      }
      return item;
    });
    this.find("legend").replaceChildren(...items);
  }

  /** Shows the values at a time; without one, those of now. */
  point(at, values = this.pasts.map((past) => past?.value)) {
    const items = this.find("legend").querySelectorAll("output");
    for (const [i, item] of items.entries()) {
      const past = this.pasts?.[i];
      const value = values[i];
      item.textContent = value === undefined || value === null || !past
        ? "no value"
        : past.isState
        ? value === 0
          ? "off"
          : value === 1
          ? "on"
          : `on ${(100 * value).toFixed(0)} %`
        : `${formatNumber(value, past.decimals)} ${readable(past.unit)}`;
    }
    this.find("time").textContent = at === undefined
      ? "now"
      : new Date(at * 1000).toLocaleString([], { hour12: false });
  }

  drawAbout(about) {
    this.last = about;
    const age = formatAge(Date.now() - Date.parse(about.at));
    const count = about.count.toLocaleString("en");
    this.find("about").textContent =
      `${count} message${about.count === 1 ? "" : "s"}, ` +
      `${formatRate(about.rate)}/s, the last ${age} ago` +
      (about.retained ? ", retained" : "");
    this.find("alarms").replaceChildren(...about.limits.map((it) => {
      const item = document.createElement("li");
      item.toggleAttribute("data-alarm", it.isRaised);
      item.textContent = (it.isRaised ? "⚠ Alarm: " : "Rule: ") + it.rule;
      return item;
    }));
    this.drawValues(about);
    this.drawMessages(about);
  }

  drawValues({ topic, series }) {
    // A message that is a text shows itself beside.
    const rows = series.filter(({ path, min, state }) =>
      path !== "" || min !== null || state !== null
    );
    this.find("numbers").hidden = rows.length === 0;
    this.find("values").tBodies[0].replaceChildren(...rows.map((it) => {
      const row = document.createElement("tr");
      const name = document.createElement("th");
      name.scope = "row";
      const label = it.path === "" ? "value" : it.path;
      if (it.min !== null || it.state !== null) {
        const link = document.createElement("a");
        const path = it.path === "" ? "" : `:${hashName(it.path)}`;
        const span = this.span === "1m" ? "" : `;${this.span}`;
        link.href = `#${hashName(topic)}${path}${span}`;
        link.textContent = readable(label);
        name.append(link);
      } else name.textContent = readable(label);
      row.append(name);
      const number = (value) =>
        value === null ? "" : formatNumber(value, it.decimals);
      const member = it.path.slice(it.path.lastIndexOf(".") + 1);
      const unit = it.value === null || it.unit === member ? "" : ` ${it.unit}`;
      const last = it.value === null ? it.reading : number(it.value) + unit;
      for (const text of [last, ...[it.min, it.mean, it.max].map(number)]) {
        const cell = document.createElement("td");
        cell.textContent = readable(text);
        row.append(cell);
      }
      return row;
    }));
  }

  drawMessages({ messages }) {
    const list = this.find("messages");
    const items = messages.map((message) => {
      const item = document.createElement("li");
      const head = document.createElement("p");
      const time = document.createElement("time");
      time.dateTime = message.time;
      time.textContent = new Date(message.time)
        .toLocaleTimeString([], { hour12: false });
      const notes = [
        `${message.length.toLocaleString("en")} byte${
          message.length === 1 ? "" : "s"
        }`,
      ];
      if (message.base64 !== undefined) notes.push("binary");
      if (message.retained) notes.push("retained");
      if (message.missed) notes.push(`${message.missed} missed before it`);
      head.append(time, ` ${notes.join(", ")}`);
      item.append(head, messageBody(message));
      return item;
    });
    list.prepend(...items);
    while (list.children.length > 50) list.lastElementChild.remove();
    this.known = Math.max(this.known, ...messages.map((it) => it.sequence));
  }

  async publish() {
    const text = this.find("text");
    const { topic } = this.shown[0];
    const retain = this.find("retain").checked ? { retain: "" } : {};
    const query = new URLSearchParams({ topic, ...retain });
    const told = this.find("published");
    try {
      const response = await fetch(`topics?${query}`, {
        method: "POST",
        body: text.value,
      });
      const answer = await response.text();
      told.textContent = response.ok
        ? `published, subscribers: ${JSON.parse(answer).subscribers}`
        : answer;
    } catch {
      told.textContent = "not published: the connection is lost";
    }
  }
}
