/**
 * Draws the text of a terminal screen (standard input) as an SVG (standard output), for the picture in README.md.
 *   tmux capture-pane -p -t PANE | node scripts/terminal-svg.mjs '$ npm start' > docs/train.svg
 */
import { readFileSync } from 'node:fs';

const [prompt] = process.argv.slice(2);
const lines = readFileSync(0, 'utf8').trimEnd().split('\n');
if (prompt) lines.unshift(prompt, '');
const xml = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const [charWidth, lineHeight, margin] = [8.43, 20, 18];
const columns = Math.max(...lines.map((line) => line.length));
const width = Math.ceil(columns * charWidth + 2 * margin);
const height = lines.length * lineHeight + 2 * margin;

/** Highlights the prompt and the progress bar. */
const color = (line) => (line === prompt ? '#7ee787' : /[█░]/.test(line) ? '#79c0ff' : '#e6edf3');

const rows = lines.map((line, i) => {
  const y = margin + (i + 0.75) * lineHeight;
  return `<text x="${margin}" y="${y}" fill="${color(line)}" xml:space="preserve">${xml(line)}</text>`;
});
console.log(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<rect width="100%" height="100%" rx="10" fill="#0d1117"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">
${rows.join('\n')}
</g>
</svg>`,
);
