/** Plain English and standard terms: phrases and names that a reader stumbles over, and exported names without a doc comment. */
import { describe, expect, test } from '@jest/globals';
import { exportsOf, filesIn, read, resolved, sourceOf, type Text } from '../support/source.js';

/** What to write instead is part of each row, so that a failure explains itself. */
const PHRASES: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(?:is|are|was|were) no (?!longer|more|less|bigger|larger|slower)/, 'is not a ..., has no ..., unknown ...'],
  [/\b(?:tells?|told|telling)\b/, 'says, reports, shows, determines'],
  [/\bstands? (?:in|on|at|for|there|here|still|behind|beside|before|under|alone|by)\b/, 'is in, means, waits'],
  [/\bbehind (?:it|them|that|this|the|each|its|which)\b/, 'after'],
  [/\bof (?:its|their|our|my|your|his|her) own\b/, 'its own ..., separate'],
  [/\bof (?:yours|ours|theirs)\b/, 'your ..., our ...'],
  [/\b(?:goes|go|going|went|gone) on\b(?! (?:disk|screen|the device))/, 'continues'],
  [/\b(?:whoever|somebody|nobody|anybody)\b/i, 'the caller, the reader, or a passive verb'],
  [/\bin earnest\b/, 'until the optimizing compiler has run'],
  [/\b(?:asked|asks|ask|asking) for\b/, 'requested, needed, on demand'],
  [/\bas many as\b/, 'the number of, up to'],
  [/\bwhat (?:is|was) there\b/, 'what exists'],
  [/\bbesides\b/, 'in addition to'],
  [/\brooms?\b/, 'buffers, workspace, memory, view'],
  [/\ball the same\b/, 'anyway'],
  [/\bthe other way (?:a)?round\b/, 'the inverse'],
  [/\b(?:to be had|can be had)\b/, 'available'],
  [/\banew\b/, 'again'],
  [/\bin the place of\b/, 'instead of'],
  [/\bone word too many\b/, 'unexpected argument'],
  [/\bhas no place beside\b/, 'cannot be combined with'],
  [/\bwhole numbers?\b/, 'integer'],
  [/\bnot for nothing\b|\bfor nothing\b/, 'without effect, ignored'],
  [/\b(?:mend|mends|mended)\b/, 'fix'],
  [/\bwhat stands?\b|\bstood\b/, 'what is in'],
  [/\bof a piece\b|\bat its leisure\b|\bcomes? to (?:be|pass)\b/, 'plain wording'],
  [/\b(?:takes?|took) note of\b/, 'records'],
  [/\blearnt\b/, 'learned'],
  [/\bleaves? \w+(?:\.\w+)* unread\b/, 'has no effect'],
  [/\bevery form of\b/i, 'every variant of'],
];

/** Invented or outdated names; each has a standard one. */
const NAMES: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(?:TrainingRoom|gradientRoom|trainingRoom|room|rooms)\b/, 'buffers, workspace, scratch'],
  [/\b(?:Reach|Crew|ALONE)\b/, 'WasmContext, Threads, SingleThread'],
  [/\b(?:Texts|cellText|fours|TEXELS)\b/, 'ShaderCache, cellShader, vec4, textures'],
  [/\b(?:Told|Doing|Telling)\b/, 'a plain noun'],
  [
    /\b(?:Safekeeping|KeptTraining|TapeShelf|Breather)\b/,
    'TrainingSnapshots, TrainingSnapshot, TapeCache, yieldToEventLoop',
  ],
  [
    /\b(?:heldOut|heldOutStreams|maxSteps|memoryNeed|MemoryNeed|loadForms|gradientsUnread)\b/,
    'the current name (CHANGELOG.md)',
  ],
  [/\b(?:STANDARD|MAY_BE_ZERO|MOST_\w+|FEW_\w+|WORTH_\w+)\b/, 'DEFAULTS, thresholds'],
  [/\bFacts\b/, 'Metadata'],
];

const SELF = 'test/package/english.test.ts';
const CODE = ['src', 'studio', 'test', 'bench', 'examples', 'scripts'].flatMap((folder) =>
  filesIn(folder, ['.ts', '.tsx', '.mjs']).filter((file) => file !== SELF),
);
/** Code that reads old names, or suggests the new ones. */
const OLD_NAMES = [
  'interop/version-1.ts',
  'interop/former-settings.ts',
  'train/options.test.ts',
  'worker/training-parity.test.ts',
];
const PAGES = ['README.md', 'data/README.md', 'bench/README.md', ...filesIn('docs', ['.md'])];

/** A page line by line. Code blocks count too: their comments and messages are read like the rest. */
const linesOf = (file: string): Text[] =>
  read(file)
    .split('\n')
    .map((text, i) => ({ line: i + 1, text }));

/** One pattern that matches whatever one of the rows matches, and more: most texts match none of them. */
const anyOf = (rows: typeof PHRASES): RegExp => new RegExp(rows.map(([{ source }]) => source).join('|'), 'i');
const ANY = new Map([PHRASES, NAMES].map((rows) => [rows, anyOf(rows)]));

/** Every line of text that matches one of the rows, as `file:line: "match" (write ...)`. */
function found(file: string, texts: readonly Text[], rows: typeof PHRASES): string[] {
  const any = ANY.get(rows)!;
  const suspects = texts.filter(({ text }) => any.test(text));
  return suspects.flatMap(({ line, text }) =>
    text.split('\n').flatMap((part, i) =>
      rows.flatMap(([pattern, instead]) => {
        const match = part.match(pattern);
        return match ? [`${file}:${line + i}: "${match[0].trim()}" (write: ${instead})`] : [];
      }),
    ),
  );
}

/** A comment of several lines as running text, so that a phrase that is broken over two lines is found. */
const flowing = ({ line, text }: Text): Text => ({ line, text: text.replace(/\s*\n\s*(?:\*\s*)?/g, ' ') });

describe('phrases that read like a translation do not occur', () => {
  test('in pages', () => {
    const renames = (line: Text): boolean => line.text.startsWith('|'); // the tables of old names in the changelog
    const changes = linesOf('CHANGELOG.md').filter((line) => !renames(line));
    const pages = PAGES.flatMap((file) => found(file, linesOf(file), PHRASES));
    expect([...pages, ...found('CHANGELOG.md', changes, PHRASES)]).toEqual([]);
  });

  test('in comments', () => {
    expect(CODE.flatMap((file) => found(file, sourceOf(file).comments.map(flowing), PHRASES))).toEqual([]);
  });

  test('in messages, help and titles', () => {
    expect(CODE.flatMap((file) => found(file, sourceOf(file).strings, PHRASES))).toEqual([]);
  });
});

describe('names that have a standard one do not occur', () => {
  test('in code', () => {
    const names = (file: string): Text[] => linesOf(file).filter(({ text }) => !text.includes("from '"));
    const isAboutOldNames = (file: string): boolean => OLD_NAMES.some((end) => file.endsWith(end));
    expect(CODE.filter((file) => !isAboutOldNames(file)).flatMap((file) => found(file, names(file), NAMES))).toEqual(
      [],
    );
  });

  test('in pages', () => {
    const pages = PAGES.filter((file) => file !== 'data/README.md'); // which is about texts
    expect(pages.flatMap((file) => found(file, linesOf(file), NAMES))).toEqual([]);
  });
});

/** The declarations behind the exports of a file, through re-exports: where each is, and whether it has a doc comment. */
function exportedFrom(file: string): Map<string, { readonly at: string; readonly documented: boolean }> {
  const found = new Map(exportsOf(file).map((e) => [e.name, { at: `${file}:${e.line}`, documented: e.documented }]));
  for (const node of sourceOf(file).body) {
    if (!/^Export(Named|All)Declaration$/.test(node.type) || !node.source) continue;
    const from = exportedFrom(resolved(file, (node.source as unknown as { value: string }).value));
    if (node.type === 'ExportAllDeclaration') for (const [name, declared] of from) found.set(name, declared);
    const specifiers = (node.specifiers ?? []) as { local: { name: string }; exported: { name: string } }[];
    for (const { local, exported } of specifiers) {
      found.set(exported.name, from.get(local.name) ?? { at: `${file}: ${local.name}`, documented: false });
    }
  }
  return found;
}

describe('every exported name has a doc comment', () => {
  const ENTRIES = ['index', 'node/index', 'worker/index', 'lab/index', 'inspect/index', 'gpu/index', 'tune/index'];

  test.each(ENTRIES)('src/%s.ts', (entry) => {
    const all = [...exportedFrom(`src/${entry}.ts`)];
    expect(all.length).toBeGreaterThan(5);
    expect(all.filter(([, { documented }]) => !documented).map(([name, { at }]) => `${name} (${at})`)).toEqual([]);
  });
});
