/** WAV files. */

function chunk(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

/** Samples of 16 bits, one channel, as a WAV file with a chunk of text before them. */
export function wavOf(samples: Buffer, rate: number): Buffer {
  const format = Buffer.alloc(16);
  for (const [at, value] of [
    [0, 1],
    [2, 1],
    [12, 2],
    [14, 16],
  ] as const)
    format.writeUInt16LE(value, at);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE(2 * rate, 8);
  const parts = [Buffer.from('WAVE'), chunk('fmt ', format), chunk('LIST', Buffer.alloc(26)), chunk('data', samples)];
  return chunk('RIFF', Buffer.concat(parts));
}
