/** The page that listens, in Chromium, whose microphone plays a recording. Skipped without a Chromium. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { launchChromium } from '../support/chromium.js';
import { testInChromium } from '../support/machine.js';
import { wavOf } from '../support/wav.js';

const ROOT = join(__dirname, '..', '..');

testInChromium('the page hears speech between silence', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unspool-voice-page-'));
  const recording = join(folder, 'goforward.wav');
  writeFileSync(recording, wavOf(readFileSync(join(ROOT, 'test/examples/voice/goforward.raw')), 16000));
  const server = spawn(process.execPath, ['examples/voice/live/serve.mjs', '0'], { cwd: ROOT });
  const devices = [
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    `--use-file-for-fake-audio-capture=${recording}%noloop`,
  ];
  const browser = await launchChromium({
    args: ['--no-sandbox', '--disable-gpu', ...devices],
  });
  try {
    const [address] = (await once(server.stdout, 'data')) as [Buffer];
    const page = await browser.newPage();
    await page.goto(address.toString().trim());
    await page.click('button:enabled');
    await page.waitForFunction('probabilities.length >= 90', undefined, { timeout: 120_000 });
    const found = (await page.evaluate('probabilities')) as number[];
    const first = found.findIndex((probability) => probability > 0.9);
    const last = found.findLastIndex((probability) => probability > 0.9);
    expect(Math.max(...found.slice(0, 4))).toBeLessThan(0.5);
    expect(last - first).toBeGreaterThan(30);
    expect(Math.max(...found.slice(last + 12))).toBeLessThan(0.5);
  } finally {
    await browser.close();
    server.kill();
    rmSync(folder, { recursive: true });
  }
});
