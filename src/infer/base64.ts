/** Base64 as bytes, without `atob`, which an AudioWorklet does not have. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const values = new Uint8Array(128);
  for (let i = 0; i < 64; i++) values[letters.charCodeAt(i)] = i;
  const end = text.indexOf('=');
  const out = new Uint8Array(((end < 0 ? text.length : end) * 3) >> 2);
  for (let i = 0, bits = 0, at = 0; at < out.length; i++) {
    bits = (bits << 6) | values[text.charCodeAt(i)]!;
    if (i % 4 > 0) out[at++] = bits >> (6 - 2 * (i % 4));
  }
  return out;
}
