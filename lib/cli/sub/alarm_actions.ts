/**
 * Acts on alarms: runs a command, publishes a message.
 *
 * @module
 */
import { delay } from "../../delay.ts";
import { reasonOf } from "../../errors.ts";
import type { MqttOptions } from "../../mqtt/options.ts";
import type { Change } from "../board/topic.ts";
import { spawnShell } from "./spawn.ts";
import { FailedMessages } from "./failed.ts";

/** What to do when an alarm is raised or ends. */
export interface AlarmActionOptions {
  /** A shell command. */
  command: string | undefined;
  /** An address that gets a message. */
  address: string | undefined;
  /** How the subscriber connects to a broker. */
  mqtt: MqttOptions | undefined;
  /** How long commands may go on after a signal, in milliseconds. */
  graceMs: number;
  /** Whether a dashboard has the screen, so that commands must not print. */
  hasScreen(): boolean;
  /** Tells what went wrong. */
  say(text: string): void;
}

/** The most commands that run at a time. */
const MAX_COMMANDS = 4;

/** An alarm that comes and goes acts once in this time. */
const PAUSE_MS = 1000;

const encoder = new TextEncoder();

/** Acts on alarms, and on each of them in order. */
export class AlarmActions {
  readonly #options: AlarmActionOptions;
  /** The alarms under way: what they were last told, and what is new. */
  readonly #under = new Map<string, { told: boolean; next: Change }>();
  readonly #acting = new Set<Promise<void>>();
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #ending = new AbortController();
  #commands = 0;
  #isOver = false;
  #room = Promise.withResolvers<void>();
  #target: Promise<FailedMessages> | undefined;
  #grace: ReturnType<typeof setTimeout> | undefined;

  /**
   * Prepares to act.
   *
   * @param options What to do.
   */
  constructor(options: AlarmActionOptions) {
    this.#options = options;
  }

  /**
   * Acts on an alarm. While its command runs, and for a second from its start,
   * further changes of that alarm are put together: if it is then as it was,
   * nothing happens.
   *
   * @param change The alarm, raised or over.
   */
  add(change: Change): void {
    const key = `${change.alarm.rule}\n${change.topic}`;
    const under = this.#under.get(key);
    if (under) {
      under.next = change;
      return;
    }
    this.#under.set(key, { told: !change.isRaised, next: change });
    const acting = this.#act(key).finally(() => this.#acting.delete(acting));
    this.#acting.add(acting);
  }

  /** Handles a signal that ends the program: commands get some more time. */
  stop(): void {
    const { graceMs } = this.#options;
    if (graceMs === Infinity) return;
    this.#grace ??= setTimeout(() => this.#kill(), graceMs);
  }

  /** Waits for the commands, and tells what is left to tell. */
  async finish(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#acting);
    clearTimeout(this.#grace);
    await (await this.#target?.catch(() => undefined))?.close();
  }

  /** Ends the running commands, and starts no more. */
  #kill(): void {
    this.#isOver = true;
    for (const child of this.#children) {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has just ended.
      }
    }
  }

  async #act(key: string): Promise<void> {
    const under = this.#under.get(key)!;
    while (under.next.isRaised !== under.told) {
      const change = under.next;
      under.told = change.isRaised;
      const pause = delay(PAUSE_MS, this.#ending.signal).catch(() => {});
      await Promise.all([this.#run(change), this.#publish(change)]);
      await pause;
    }
    this.#under.delete(key);
  }

  async #run(change: Change): Promise<void> {
    const { command, hasScreen, say } = this.#options;
    if (command === undefined) return;
    while (this.#commands >= MAX_COMMANDS) await this.#room.promise;
    if (this.#isOver) return;
    this.#commands++;
    let child: Deno.ChildProcess | undefined;
    try {
      const isMute = hasScreen();
      child = spawnShell({
        args: ["-c", command],
        env: {
          FIFOBUS_TOPIC: change.topic,
          FIFOBUS_PATH: change.path,
          // The environment cannot hold a NUL.
          FIFOBUS_VALUE: change.value.replaceAll("\0", ""),
          FIFOBUS_RULE: change.alarm.rule,
          FIFOBUS_ALARM: change.isRaised ? "1" : "0",
        },
        stdin: "piped",
        stdout: isMute ? "piped" : "inherit",
      });
      this.#children.add(child);
      await child.stdin.close().catch(() => {});
      if (isMute) await child.stdout.pipeTo(new WritableStream());
      const { success, code, signal } = await child.status;
      if (!success) {
        const how = signal
          ? `was ended by ${signal}`
          : `failed with code ${code}`;
        say(`the command for the alarm of ${change.topic} ${how}`);
      }
    } catch (error) {
      say(`no command for the alarm of ${change.topic}: ${reasonOf(error)}`);
    } finally {
      if (child) this.#children.delete(child);
      this.#commands--;
      this.#room.resolve();
      this.#room = Promise.withResolvers();
    }
  }

  async #publish(change: Change): Promise<void> {
    const { address, say } = this.#options;
    if (address === undefined) return;
    try {
      this.#target ??= FailedMessages.open(address, {
        ...this.#options,
        delimiter: "\n",
        suffix: "-alarm",
      });
      const target = await this.#target;
      const told = await target.add({ bytes: encoder.encode(jsonOf(change)) });
      if (told.startsWith("the message is lost")) say(told);
    } catch (error) {
      this.#target = undefined;
      say(`the alarm of ${change.topic} is not published: ${reasonOf(error)}`);
    }
  }
}

/** An alarm as JSON. */
function jsonOf({ topic, path, value, alarm, isRaised, at }: Change): string {
  return JSON.stringify({
    topic,
    path,
    value,
    rule: alarm.rule,
    alarm: isRaised,
    time: new Date(at).toISOString(),
  });
}

/**
 * An alarm as a line, with tabs between its parts.
 *
 * @param change The alarm, raised or over.
 * @returns The state, the topic, the value and the rule.
 */
export function lineOf(
  { topic, path, value, alarm, isRaised }: Change,
): string {
  const state = isRaised ? "alarm" : "ok";
  const shown = value.replaceAll(/\s+/g, " ");
  const what = path === "" ? shown : `${path} ${shown}`;
  return [state, topic, what, alarm.rule].join("\t");
}
