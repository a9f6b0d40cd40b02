/**
 * Renders a line of print with Chromium as a grey image, 36 pixels high: node examples/ocr/render.mjs [TEXT] > examples/ocr/line.pgm
 * CHROMIUM is the path of the browser (default /usr/bin/chromium).
 */
import { chromium } from 'playwright-core';

const text = process.argv[2] ?? 'The quick brown fox jumps over the lazy dog in 1851.';
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const page = await browser.newPage();
const { width, grey } = await page.evaluate((line) => {
  const canvas = document.createElement('canvas');
  const font = '28px "DejaVu Serif"';
  const measured = Object.assign(canvas.getContext('2d'), { font }).measureText(line).width;
  canvas.width = Math.ceil(measured) + 8;
  canvas.height = 36;
  const context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, 36);
  Object.assign(context, { font, fillStyle: 'black' }).fillText(line, 4, 27);
  const { data } = context.getImageData(0, 0, canvas.width, 36);
  return { width: canvas.width, grey: Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]) };
}, text);
await browser.close();
process.stdout.write(`P5 ${width} 36 255\n`);
process.stdout.write(Uint8Array.from(grey));
