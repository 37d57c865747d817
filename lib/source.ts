/**
 * Where messages come from, and what a Subscriber asks of it.
 *
 * @module
 */
import type { WireMessage } from "./wire/message.ts";
import type { Demand } from "./queues/demand.ts";

/** Where messages come from: a FIFO, the bus, a group, or a broker. */
export interface Source {
  /** Waits for messages; undefined after the last. */
  next(): Promise<WireMessage[] | undefined>;
  /** Whether a message that is not handled can go back to others. */
  takesBack(message: WireMessage): boolean;
  /** Takes no messages that others could have, until it is resumed. */
  pause(): Promise<void>;
  /** Goes on after a pause. */
  resume(): void;
  /** Lets others have messages, while the process ends and nothing can wait. */
  giveBackNow(messages: WireMessage[]): void;
  /** Takes no more messages. */
  end(): Promise<void>;
  /** Closes; what was not handled goes back, if it takes it back. */
  close(unhandled: WireMessage[]): Promise<void>;
}

/** A source whose messages nobody else is given: of topics, of a broker. */
export type OwnSource = Pick<Source, "next" | "end" | "close">;

/**
 * Counts what comes from a source of a Subscriber's own, where nothing can go back.
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
    giveBackNow: () => {},
    end: () => source.end(),
    close: (unhandled) => source.close(unhandled),
  };
}
