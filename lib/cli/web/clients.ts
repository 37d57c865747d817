/**
 * The streams of events that browsers and programs have open.
 *
 * @module
 */

/** An open stream. It waits for one thing at a time. */
export class Client {
  /** Whether the browser has left, or the server has ended. */
  isEnded = false;
  #isIdle = false;
  #wake = () => {};

  /** Waits for a time, or for the end. */
  async wait(milliseconds: number): Promise<void> {
    if (this.isEnded || milliseconds <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** Waits for messages, but at most so long. */
  async waitForNews(milliseconds: number): Promise<void> {
    this.#isIdle = true;
    await this.wait(milliseconds);
    this.#isIdle = false;
  }

  /** Messages have come. */
  changed(): void {
    if (this.#isIdle) this.#wake();
  }

  /** Ends all waiting. */
  end(): void {
    this.isEnded = true;
    this.#wake();
  }
}

/** All open streams. */
export class Clients {
  readonly #all = new Set<Client>();

  /**
   * Opens a stream. It asks for no text before the reader has taken the one
   * before, so a reader that stands still costs nothing.
   *
   * @param next Returns the next text, once there is one.
   * @param leave Is called when the reader has left.
   * @returns The stream.
   */
  stream(
    next: (client: Client) => Promise<string>,
    leave: () => void,
  ): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    const client = new Client();
    this.#all.add(client);
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const text = await next(client);
        if (client.isEnded) return controller.close();
        controller.enqueue(encoder.encode(text));
      },
      cancel: () => {
        client.end();
        this.#all.delete(client);
        leave();
      },
    }, { highWaterMark: 0 });
  }

  /** Tells all of them that messages have come. */
  changed(): void {
    for (const client of this.#all) client.changed();
  }

  /** Ends all of them. */
  close(): void {
    for (const client of this.#all) client.end();
  }
}
