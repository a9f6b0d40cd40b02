/**
 * Random words on the device: Philox4x32-10, as in kernels/shared/philox.ts. A word is two halves of 16 bits, in
 * integers, so that no product or sum exceeds 32 bits.
 */

import type { Lanes } from './lanes.js';
import type { Program } from './program.js';

/** The multipliers are 2^32 + m1 2^16 + m0, with signed digits, so that a digit times a half is under 2^31. */
const M0 = { m1: 0xd251 - 0x10000, m0: 0x1f53 };
const M1 = { m1: 0xcd9f - 0x10000, m0: 0x8d57 - 0x10000 };

/** The increments of the two keys after each round. */
const W0 = [0x9e37, 0x79b9] as const;
const W1 = [0xbb67, 0xae85] as const;

const ROUNDS = 10;

/**
 * Declares integers. gpu.js takes a variable for an integer if it starts as a literal and `++` is applied to it; others
 * are floats.
 */
const integers = (...names: readonly string[]): string => names.map((name) => `let ${name} = 0; ${name}++;`).join('\n');

/**
 * p and q: the upper and the lower word of a multiplier times `word`. gpu.js translates assignment operators directly
 * in every language, but other bit operators into loops on WebGL.
 */
const product = (word: string, { m1, m0 }: typeof M0): string => `
ql = ${word}l * ${m0};
t = ql; t >>= 16; t += ${word}h * ${m0};
ql &= 65535;
qh = t; qh &= 65535; qh += ${word}l * ${m1};
pl = qh; pl >>= 16; qh &= 65535;
t >>= 16; pl += t + ${word}h * ${m1};
ph = pl; ph >>= 16; pl &= 65535; pl += ${word}l;
t = pl; t >>= 16; pl &= 65535; ph += t + ${word}h; ph &= 65535;`;

const assign = (to: string, from: string): string => `${to}h = ${from}h; ${to}l = ${from}l;`;
const mix = (to: string, from: string): string => `${to}h ^= ${from}h; ${to}l ^= ${from}l;`;

const nextKey = (key: string, [high, low]: readonly [number, number]): string =>
  `${key}l += ${low}; t = ${key}l; t >>= 16; ${key}l &= 65535; ${key}h += t + ${high}; ${key}h &= 65535;`;

/** The scalars that select the words: halves of 16 bits, since an argument is a 32-bit float. */
const KEY = ['block1', 'block0', 'update1', 'update0', 'seed1', 'seed0', 'stream1', 'stream0'] as const;

/** a, b, c and d: the four words of block `n`, counted from the block in the scalars. */
const WORDS = `
al = n + ~~block0; t = al; t >>= 16; al &= 65535; ah = ~~block1; ah += t; ah &= 65535;
bh = ~~update1; bl = ~~update0;
ch = 0; cl = 0; dh = 0; dl = 0;
kh = ~~seed1; kl = ~~seed0;
sh = ~~stream1; sl = ~~stream0;
for (let round = 0; round < ${ROUNDS}; round++) {${product('c', M1)}
${mix('p', 'b')} ${mix('p', 'k')}
${assign('b', 'q')} ${assign('e', 'p')}${product('a', M0)}
${mix('p', 'd')} ${mix('p', 's')}
${assign('a', 'e')} ${assign('c', 'p')} ${assign('d', 'q')}
${nextKey('k', W0)}
${nextKey('s', W1)}
}`;

const WORD_NAMES = ['a', 'b', 'c', 'd'] as const;
const halves = (words: readonly string[]): string[] => words.flatMap((word) => [`${word}h`, `${word}l`]);

/** The words for a thread that returns all numbers of a block, or only number i of it. */
const words = ({ count }: Lanes): string =>
  [
    integers('n', 'i', 't', ...halves([...WORD_NAMES, 'e', 'k', 's', 'p', 'q'])),
    count === 4 ? 'n = ~~x;' : 'n = ~~x; n += ~~skip; i = n; i &= 3; n >>= 2;',
    WORDS,
  ].join('\n');

/** A program over `size` elements, from number `skip` of the first block on. */
const wordProgram = (size: number, lanes: Lanes, arrays: readonly string[], body: string, scalars: readonly string[]) =>
  lanes.program([Math.ceil(size / lanes.count)], arrays, `${words(lanes)}\n${body}`, {
    scalars: [...KEY, ...(lanes.count === 4 ? [] : ['skip']), ...scalars],
    sizes: {},
  });

/** `hit` if a word is below the limit, else `miss`. */
export function bernoulli(size: number, lanes: Lanes): Program {
  const own = WORD_NAMES.slice(1).map((word, i) => `if (i == ${i + 1}) { ${assign('a', word)} }`);
  const give = lanes.result((lane) => {
    const [high, low] = halves([WORD_NAMES[lane]!]);
    return `(limit1 > ${high} ? hit : (limit1 < ${high} ? miss : (limit0 > ${low} ? hit : miss)))`;
  });
  const body = [...(lanes.count === 4 ? [] : own), give].join('\n');
  return wordProgram(size, lanes, [], body, ['limit1', 'limit0', 'hit', 'miss']);
}

/** A word as a fraction of 2^32, and 1 minus it: both exact to the digits of a 32-bit float, and never 0. */
const share = (word: string): string => `(${word}h * ${2 ** -16} + (${word}l + 0.5) * ${2 ** -32})`;
const rest = (word: string): string => `((65535 - ${word}h) * ${2 ** -16} + (65535.5 - ${word}l) * ${2 ** -32})`;

/** -log(1 - v) of a small v, for which a driver's own logarithm may have no correct digit, or be negative. */
const NEAR_ONE = 2 ** -6;
const logNearOne = (v: string): string => `${v} * (1 + ${v} * (0.5 + ${v} * (${1 / 3} + ${v} * 0.25)))`;

/**
 * sin of v turns, |v| <= 1/4, to 4e-9, by the best polynomial of its degree (Remez). A driver's own may be off by 5e-4.
 */
const sine = (v: string): string => {
  const terms = [6.28318516009, -41.3416550315, 81.6010040776, -76.5497823865, 39.5367067278];
  const sum = terms.reduceRight((inner, term) => (inner ? `${term} + ${v} * ${v} * (${inner})` : `${term}`), '');
  return `${v} * (${sum})`;
};

/**
 * A Box-Muller pair from two words, in variables that end in `n`: the first number is the radius times the sine of
 * `across`, the second the radius times that of `along`. The angle is half a turn less than theirs, which keeps it
 * small; the radius has the sign.
 */
const pair = (n: string, first: string, second: string): string => `
const rest${n} = ${rest(first)};
const log${n} = (rest${n} < ${NEAR_ONE} ? ${logNearOne(`rest${n}`)} : -Math.log(${share(first)}));
const radius${n} = -deviation * Math.sqrt(2 * log${n});
const turn${n} = (${second}h - 32768) * ${2 ** -16} + (${second}l + 0.5) * ${2 ** -32};
const across${n} = 0.25 - Math.abs(turn${n});
const along${n} = (turn${n} > 0.25 ? 0.5 - turn${n} : (turn${n} < -0.25 ? -0.5 - turn${n} : turn${n}));`;

/** o + deviation * N(0, 1). */
export function normals(size: number, lanes: Lanes): Program {
  const normal = (n: string, isSecond: boolean): string =>
    `radius${n} * (${sine(isSecond ? `along${n}` : `across${n}`)})`;
  const body =
    lanes.count === 4
      ? [
          pair('0', 'a', 'b'),
          pair('1', 'c', 'd'),
          lanes.result((lane) => `${lanes.get('v', lane)} + ${normal(lane < 2 ? '0' : '1', lane % 2 === 1)}`),
        ]
      : [
          `if (i > 1) { ${assign('a', 'c')} ${assign('b', 'd')} i -= 2; }`,
          pair('0', 'a', 'b'),
          `if (i == 1) { return v + ${normal('0', true)}; }`,
          `return v + ${normal('0', false)};`,
        ];
  return wordProgram(size, lanes, ['o'], [lanes.load('v', 'o', 'x'), ...body].join('\n'), ['deviation']);
}
