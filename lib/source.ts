/**
 * The interface between a Subscriber and the sources of its messages.
 *
 * @module
 */
import type { Message } from "./message.ts";
import type { WireMessage } from "./wire/message.ts";
import type { Demand } from "./queues/demand.ts";

/** Where messages come from: a FIFO, the bus, a group, or a broker. */
export interface Source {
  /** Waits for messages; undefined after the last. */
  next(): Promise<WireMessage[] | undefined>;
  /** Whether an unhandled message can go back to other readers. */
  takesBack(message: WireMessage): boolean;
  /** Leaves messages that others could have to them, until it is resumed. */
  pause(): Promise<void>;
  /** Continues after a pause. */
  resume(): void;
  /**
   * Gives messages back to others while the process ends and cannot wait for
   * anything.
   *
   * @returns Whether they are back; if not, they are still the Subscriber's.
   */
  giveBackNow(messages: WireMessage[]): boolean;
  /** Takes no more messages. */
  end(): Promise<void>;
  /** Closes; puts back the unhandled messages that the source takes back. */
  close(unhandled: Message[]): Promise<void>;
}

/** A source whose messages no other reader gets: topics, or a broker. */
export type OwnSource = Pick<Source, "next" | "end" | "close">;

/**
 * Counts the messages of a source that only this Subscriber reads, which cannot
 * go back.
 *
 * @param source The source.
 * @param demand How many messages the Subscriber takes.
 * @returns The source.
 */
export function counted(source: OwnSource, demand: Demand): Source {
  return {
    next: async () => {
      if (demand.isOver) return undefined;
      const messages = demand.takeOwn(await source.next() ?? []);
      return messages.length > 0 ? messages : undefined;
    },
    takesBack: () => false,
    pause: () => Promise.resolve(),
    resume: () => {},
    giveBackNow: () => false,
    end: () => source.end(),
    close: (unhandled) => source.close(unhandled),
  };
}
