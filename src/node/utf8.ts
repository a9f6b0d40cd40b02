/** Decodes UTF-8 that arrives in pieces. */

/** A byte that does not continue valid UTF-8. Its position counts from the first byte of the text. */
export class InvalidByte {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }
}

/** Smallest code point by its number of bytes: a longer form than necessary is invalid. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];
const LARGEST = 0x10ffff;
const isSurrogate = (point: number): boolean => point >= 0xd800 && point <= 0xdfff;

/** The bytes of the code point that starts with this byte; 0 for a byte that starts none. */
function lengthOf(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte < 0xc2) return 0;
  if (byte < 0xe0) return 2;
  if (byte < 0xf0) return 3;
  return byte < 0xf5 ? 4 : 0;
}

/** A decoder, whose pieces may end anywhere. It accepts what `TextDecoder` with `fatal` accepts, and keeps a byte order mark. */
export class Utf8Decoder {
  /** Bytes read so far. */
  private position = 0;
  /** The code point whose bytes are not complete: its bits so far, its length, and the bytes that are missing. */
  private point = 0;
  private length = 0;
  private missing = 0;

  /** Writes the code points that end in `bytes` to `points`, which has at least as many elements, and returns their number. */
  decode(bytes: Uint8Array, points: Int32Array): number {
    let count = 0;
    let { point, length, missing } = this;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (missing === 0) {
        if (byte < 0x80) {
          points[count++] = byte;
          continue;
        }
        length = lengthOf(byte);
        if (length === 0) throw new InvalidByte(this.position + i);
        missing = length - 1;
        point = byte & (0x7f >> length);
        continue;
      }
      if ((byte & 0xc0) !== 0x80) throw new InvalidByte(this.position + i);
      point = (point << 6) | (byte & 0x3f);
      if (--missing > 0) continue;
      if (point < SMALLEST[length]! || point > LARGEST || isSurrogate(point)) {
        throw new InvalidByte(this.position + i - length + 1);
      }
      points[count++] = point;
    }
    this.position += bytes.length;
    [this.point, this.length, this.missing] = [point, length, missing];
    return count;
  }

  /** Throws `InvalidByte` if the text ends within a code point. */
  end(): void {
    if (this.missing > 0) throw new InvalidByte(this.position);
  }
}
