// Runs in the browser. The server sends the text of its functions: see page.ts.
import { readable } from "./readable.js";

/** The last messages, the newest first. */
export class Log {
  constructor(list) {
    this.list = list;
    this.entries = [];
    this.waiting = [];
    this.filter = () => true;
  }

  /** Adds messages; keeps at most the last `most` ones. */
  add(entries, most) {
    this.waiting = this.waiting.concat(entries).slice(-most);
    this.entries = this.entries.concat(entries).slice(-most);
  }

  /** Forgets all messages. */
  clear() {
    this.entries = [];
    this.waiting = [];
    this.list.replaceChildren();
  }

  /** Shows only the messages that pass a filter. */
  choose(filter) {
    this.filter = filter;
    this.waiting = [...this.entries];
    this.list.replaceChildren();
    this.draw();
  }

  /** Draws the new messages. */
  draw() {
    const most = 500;
    const items = this.waiting.splice(0).filter(this.filter).slice(-most)
      .map((entry) => this.item(entry)).reverse();
    this.list.prepend(...items);
    while (this.list.children.length > most) {
      this.list.lastElementChild.remove();
    }
  }

  item({ topic, text, at, length, retained }) {
    const item = document.createElement("li");
    const time = document.createElement("time");
    const date = new Date(at);
    time.dateTime = date.toISOString();
    time.textContent = date.toLocaleTimeString([], { hour12: false });
    const name = document.createElement("bdi");
    name.className = "topic";
    name.textContent = readable(topic) + (retained ? " (retained)" : "");
    const body = document.createElement("bdi");
    body.className = "text";
    // The card shows more of the text.
    const most = 300;
    const isCut = text.length > most || text.length >= 1000;
    body.textContent = isCut
      ? `${readable(text.slice(0, most))}… (${length} bytes)`
      : readable(text);
    item.append(time, name, body);
    return item;
  }
}
