/** The task: copy a string of symbols, of any of several lengths. Symbol 0 ends an answer and begins the next question. */
import { createRng } from 'unspool';

export const END = 0;

/** `rows` strings of `least` to `most` symbols out of 1..symbols; the answer is the string and END. */
export function makeBatch(rng, { rows, symbols, least, most }) {
  const strings = Array.from({ length: rows }, () => {
    const length = least + rng.integer(most - least + 1);
    return Array.from({ length }, () => 1 + rng.integer(symbols));
  });
  const lengths = strings.map((s) => s.length);
  const [S, T] = [Math.max(...lengths), Math.max(...lengths) + 1];
  const answer = (n, t) => (t < lengths[n] ? strings[n][t] : t === lengths[n] ? END : -1);
  const timeMajor = (steps, of) =>
    Int32Array.from({ length: steps * rows }, (_, i) => of(i % rows, Math.floor(i / rows)));
  return {
    rows,
    lengths,
    S,
    T,
    questions: timeMajor(S, (n, t) => strings[n][t] ?? END),
    /** What the decoder is to say; -1 past the end. */
    answers: timeMajor(T, answer),
  };
}

export const rngOf = (seed, purpose) => createRng(seed, purpose);
