/**
 * Messages that wait to be passed on: where, and how they are published then.
 *
 * @module
 */
import type { Message, MessageProperties } from "../../message.ts";
import { outletOf, type Publisher } from "../../publisher.ts";
import type { Tally } from "../tally.ts";

/** The properties of a message, of which one counts down while it waits. */
export interface KeptProperties
  extends Omit<MessageProperties, "expiryMs" | "origins"> {
  /** When it expires, in milliseconds since 1970. */
  readonly expires?: number | undefined;
}

/** How to publish a message that waits. */
export interface Passing {
  /** The topic; undefined for a FIFO. */
  topic: string | undefined;
  /** Whether it becomes the last value of the topic. */
  retain: boolean;
  /** Its properties, if it has any and goes to a broker. */
  properties?: KeptProperties | undefined;
  /** The marks of the bridges that have passed it on, this one among them. */
  origins?: readonly string[] | undefined;
}

/** Where messages wait until they are passed on. */
export abstract class Waiting {
  readonly #failed = Promise.withResolvers<never>();
  #changed: PromiseWithResolvers<void> | undefined;

  constructor() {
    this.#failed.promise.catch(() => {});
  }

  /** Whether there is no room for another message. */
  abstract get isFull(): boolean;

  /** Whether none of them would be lost if this process was killed now. */
  abstract get isKept(): boolean;

  /** Adds a message, which is passed on as soon as possible, in order. */
  abstract add(message: Message, passing: Passing): void;

  /**
   * Waits for the waiting messages, and gives up the rest.
   *
   * @param until Ends the wait.
   * @param giveUp Makes the waiting messages fail.
   * @returns The messages that are lost unless they go back, in order.
   */
  abstract finish(
    until: Promise<void>,
    giveUp: () => void,
  ): Promise<Message[]>;

  /** Settles when a message has left. */
  get changed(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  /** Rejects when nothing more can be passed on. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Settles `changed` now. */
  wake(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }

  /** Tells that nothing more can be passed on. */
  protected fail(error: unknown): void {
    this.#failed.reject(error);
  }
}

/**
 * Takes the properties of a message that is going to wait.
 *
 * @param message The message, which begins to wait now.
 * @returns Its properties; undefined if it has none.
 */
export function keep(
  { properties, contentType, expiryMs }: MessageProperties,
): KeptProperties | undefined {
  if ((properties ?? contentType ?? expiryMs) === undefined) return undefined;
  const expires = expiryMs === undefined ? undefined : Date.now() + expiryMs;
  return { properties, contentType, expires };
}

/**
 * Publishes a message. One that has expired is dropped, as a broker does.
 *
 * @param publisher Where to.
 * @param bytes The message.
 * @param passing How to publish it.
 * @param tally Counts messages that lose their properties.
 */
export async function publishKept(
  publisher: Publisher,
  bytes: Uint8Array,
  { topic, retain, origins, properties: kept }: Passing,
  tally: Tally,
): Promise<void> {
  const { expires, ...others } = kept ?? {};
  const expiryMs = expires && expires - Date.now();
  if (expiryMs !== undefined && expiryMs <= 0) return;
  const isBare = kept !== undefined && outletOf(publisher).isUnmarked;
  const about = isBare ? {} : { ...others, expiryMs };
  await publisher.publish(bytes, { topic, retain, origins, ...about });
  if (!isBare) return;
  const why = "they need MQTT 5, this connection has MQTT 3.1.1";
  tally.add("properties", "passed on without properties", why);
}
