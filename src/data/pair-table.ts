/** A hash table of pairs of integers, which numbers n-grams. */

/** The number of a pair that is not in the table. */
export const NONE = -1;

/** Destructured once, because under Jest a lookup of a global is slower than a probe of the hash table. */
const { imul } = Math;

/** Numbers pairs of integers in order of appearance: a hash table with open addressing and linear probing. */
export class PairTable {
  size = 0;
  /** [number] the first of each pair; longer than `size`. */
  firsts = new Int32Array(1024);
  private seconds = new Int32Array(1024);
  /** [slot] number of the pair, or NONE. Twice as long as `firsts`; a power of two. */
  private slots = new Int32Array(2048).fill(NONE);

  /** Returns the number of a pair, or NONE. */
  find(first: number, second: number): number {
    return this.slots[this.slotOf(first, second)]!;
  }

  /** Returns the number of a pair, after adding it if it is new. */
  add(first: number, second: number): number {
    const slot = this.slotOf(first, second);
    const known = this.slots[slot]!;
    if (known !== NONE) return known;
    if (this.size === this.firsts.length) {
      this.grow();
      return this.add(first, second);
    }
    this.firsts[this.size] = first;
    this.seconds[this.size] = second;
    this.slots[slot] = this.size;
    return this.size++;
  }

  /** Returns the slot of the pair or, if it is new, the free slot for it. */
  private slotOf(first: number, second: number): number {
    const mask = this.slots.length - 1;
    let hash = imul(first, 0x9e3779b1) ^ imul(second, 0x85ebca6b);
    hash = imul(hash ^ (hash >>> 15), 0x2c1b3c6d); // mixes the high bits into the low ones, which select the slot
    let slot = (hash ^ (hash >>> 13)) & mask;
    for (;;) {
      const id = this.slots[slot]!;
      if (id === NONE || (this.firsts[id] === first && this.seconds[id] === second)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private grow(): void {
    this.firsts = grown(this.firsts);
    this.seconds = grown(this.seconds);
    this.slots = new Int32Array(2 * this.firsts.length).fill(NONE);
    for (let id = 0; id < this.size; id++) this.slots[this.slotOf(this.firsts[id]!, this.seconds[id]!)] = id;
  }
}

/** The same numbers, padded with zeros to twice the length. */
export function grown(values: Int32Array): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(2 * values.length);
  longer.set(values);
  return longer;
}
