/** Suggestions for names with a typo. */

/** Levenshtein distance: single-character edits that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}

/** `hidden` of `hidden-size` or `hiddenSize`: people forget the rest. */
const firstWord = (name: string): string => name.split(/-|(?=[A-Z])/)[0]!;

/** ` Did you mean "x"?` for the closest of `names`, or an empty text if none is close. `show` formats the name. */
export function didYouMean(word: string, names: readonly string[], show = (name: string) => `"${name}"`): string {
  const ranked = names
    .map((name) => ({ name, distance: Math.min(...[name, firstWord(name)].map((part) => editDistance(word, part))) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= (word.length < 4 ? 1 : Math.max(2, word.length / 3))
    ? ` Did you mean ${show(best.name)}?`
    : '';
}
