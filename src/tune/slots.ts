/** Permissions to compute: at most `count` at a time. Of those that wait, the one with the lowest number is next. */
export class Slots {
  private free: number;
  private readonly waiting: { readonly number: number; readonly start: () => void }[] = [];

  constructor(count: number) {
    this.free = count;
  }

  /** Waits for a slot. */
  take(number: number): Promise<void> {
    if (this.free > 0) {
      this.free--;
      return Promise.resolve();
    }
    return new Promise((start) => {
      this.waiting.push({ number, start });
      this.waiting.sort((a, b) => a.number - b.number);
    });
  }

  /** Returns a slot. */
  give(): void {
    const next = this.waiting.shift();
    if (next) next.start();
    else this.free++;
  }
}
