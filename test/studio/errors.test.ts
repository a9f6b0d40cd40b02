/** Problems in the Studio: each has a message, and the page works afterwards. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeInChromium } from '../support/machine.js';
import { errorBanner, oneUpdate, ready, studio } from './support.js';

const site = studio();

const drop = (page: Page, name: string, make: string) =>
  page.evaluate(
    ([file, how]) => {
      const bytes =
        how === 'large'
          ? new Uint8Array(100 * 2 ** 20)
          : how === 'binary'
            ? Uint8Array.from({ length: 999 }, (_, i) => (i * 73) % 256)
            : how!;
      const data = new DataTransfer();
      data.items.add(new File([bytes], file!));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    },
    [name, make],
  );

/** Lets tests ping the worker and move the clock: `ping()` does what the page does every two seconds, `slept` is added to the time. */
function withPings(): void {
  const every = window.setInterval.bind(window);
  const now = performance.now.bind(performance);
  Object.assign(window, { slept: 0 });
  window.setInterval = ((act: () => void, ms?: number) => {
    if (ms === 2000) Object.assign(window, { ping: act });
    return every(act, ms);
  }) as typeof window.setInterval;
  performance.now = () => now() + (window as unknown as { slept: number }).slept;
}

/** Pings the worker, and waits long enough for an answer. */
async function ping(page: Page): Promise<void> {
  await page.evaluate(() => (window as unknown as { ping(): void }).ping());
  await page.waitForTimeout(100);
}

describeInChromium('invalid files', () => {
  test('are rejected with a message, and the previous model is still there', async () => {
    const { page } = await site.open('?preset=counting&units=4');
    await ready(page);
    for (const [name, make, message] of [
      ['noise.bin', 'binary', /noise\.bin is a binary file/],
      ['large.txt', 'large', /large\.txt has 100 MB; the Studio accepts up to 20/],
      [
        'words.csv',
        `a,b\n${'1,2\n'.repeat(50)}3,four\n`,
        /words\.csv, line 52: column "b" must be a number, got "four"/,
      ],
      ['empty.txt', ' ', /empty\.txt is empty/],
      ['broken.safetensors', 'no model at all', /broken\.safetensors/],
    ] as const) {
      await drop(page, name, make);
      await errorBanner(page).getByText(message).waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
    }
    expect(await oneUpdate(page)).toBeGreaterThan(0);
  });

  test('settings that fail are marked, and the previous model is still there', async () => {
    const { page } = await site.open('?preset=counting&units=4');
    await ready(page);
    await drop(page, 'series.csv', `a\n${Array.from({ length: 100 }, (_, i) => i % 7).join('\n')}`);
    await page.getByText('series.csv: predict the next a.').first().waitFor();
    expect(await page.getByLabel('Time steps').inputValue()).toBe('7');
    await page.getByLabel('Time steps').fill('8');
    await page.getByLabel('Time steps').press('Tab');
    await errorBanner(page).getByText('Set the time steps to 7 or fewer').waitFor();
    await page.getByText('These settings were not applied').waitFor();
    expect(await oneUpdate(page)).toBeGreaterThan(0);
    await page.getByLabel('Time steps').fill('6');
    await page.getByLabel('Time steps').press('Tab');
    await page.locator('.not-applied').waitFor({ state: 'detached' });
    expect(await errorBanner(page).count()).toBe(0);
  });
});

describeInChromium('a failure during training', () => {
  test('a weight that is not finite', async () => {
    const { page } = await site.open('?preset=counting&units=4');
    await ready(page);
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Unroll' }).click();
    await page.locator('.diagram').waitFor();
    await page.evaluate(() => {
      const slider = document.querySelector('.edit input[type=range]') as HTMLInputElement;
      slider.max = '1e39';
      slider.step = 'any';
      slider.value = '1e39';
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await errorBanner(page)
      .getByText(/must be a finite number, got Infinity/)
      .waitFor();
  });

  test('a loss that becomes infinite', async () => {
    const { page } = await site.open('?preset=counting&units=4');
    await ready(page);
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save model' }).click();
    const buffer = readFileSync(await (await saved).path());
    const begin = 8 + Number(buffer.readBigUInt64LE(0));
    for (let at = begin; at + 4 <= buffer.length; at += 4) buffer.writeFloatLE(3e38, at);
    const file = { name: 'large.safetensors', mimeType: 'application/octet-stream', buffer };
    await page.locator('.button input[type=file]').setInputFiles(file);
    await page.waitForTimeout(500);
    await ready(page);
    await page.getByRole('button', { name: 'One update' }).click();
    await errorBanner(page)
      .getByText(/became -?(NaN|Infinity)/)
      .waitFor();
    await page.getByRole('button', { name: 'Reset' }).click();
    await ready(page);
    expect(await oneUpdate(page)).toBeGreaterThan(0);
  });

  test('a lost worker', async () => {
    const { page } = await site.openNew('?preset=counting&units=4', withPings);
    await ready(page);
    const [worker] = page.workers();
    await worker!.evaluate(() => self.close());
    for (let pings = 0; pings < 4; pings++) await ping(page); // the fourth finds that three were not answered
    await errorBanner(page).getByText('no longer answers').waitFor();
    await page.getByRole('button', { name: 'Restart' }).click();
    await ready(page);
    expect(await oneUpdate(page)).toBeGreaterThan(0);
  });

  test('a computer that slept does not lose the worker', async () => {
    const { page } = await site.openNew('?preset=counting&units=4', withPings);
    await ready(page);
    await page.evaluate(() => Object.assign(window, { slept: 90_000 }));
    for (let pings = 0; pings < 2; pings++) await ping(page);
    expect(await errorBanner(page).count()).toBe(0);
    expect(await oneUpdate(page)).toBeGreaterThan(0);
  });
});

describeInChromium('unsupported settings', () => {
  test('a gate that cannot be clamped is released', async () => {
    const { page } = await site.open('?preset=counting&units=3&steps=6&cell=coupled#unroll');
    const slider = page.getByRole('slider', { name: /^Clamp a gate/ });
    await slider.fill('0.2');
    await errorBanner(page).filter({ hasText: 'Clamp i instead' }).waitFor();
    expect(await page.getByRole('button', { name: 'Release' }).isDisabled()).toBe(true);
  });

  test('a browser without WebAssembly', async () => {
    const { page } = await site.openNew('', () => Reflect.deleteProperty(globalThis, 'WebAssembly'));
    await errorBanner(page).getByText('The Studio needs WebAssembly').waitFor();
  });

  test('a link with invalid settings', async () => {
    const { page } = await site.open('?preset=counting&units=9999&cell=round');
    await errorBanner(page)
      .getByText('units must be an integer from 1 to 256, got 9999; cell must be one of standard')
      .waitFor();
    await ready(page);
  });
});
