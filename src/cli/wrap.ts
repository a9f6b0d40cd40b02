/** Line breaks between words, for a terminal. */

const MAX_WIDTH = 100;
const MIN_WIDTH = 40;

/** A blank at which no line breaks. */
export const KEEP = '\u00a0';

/** The width of lines for people: that of the terminal, at most 100. */
export const lineWidth = (): number => Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, process.stdout.columns || MAX_WIDTH));

/** Breaks a text into lines of at most `width` characters, at blanks. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => line.replaceAll(KEEP, ' '));
}

/** Sentences, each on a new line. In a terminal, lines break between words; a file or a pipe gets one line for each. */
export const paragraphs = (texts: readonly string[]): string =>
  texts.flatMap((text) => (process.stdout.columns ? wrapped(text, lineWidth()) : [text])).join('\n');
