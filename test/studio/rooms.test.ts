/** Every preset trains, estimators too; what one brings along and takes away; what goes wrong gets words; nobody is shut out. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { PRESETS } from '../../studio/src/settings.js';
import { maybe, ready, studio } from './support.js';

const site = studio();
const folder = mkdtempSync(join(tmpdir(), 'unspool-studio-files-'));
const at = (name: string): string => join(folder, name);
const ROOT = join(__dirname, '..', '..');
afterAll(() => rmSync(folder, { recursive: true }));

const unspool = (...args: string[]): string =>
  execFileSync('node', [join(ROOT, 'dist/cli/main.js'), ...args], { encoding: 'utf8', cwd: folder });

async function oneStep(page: Page, upTo = 1): Promise<number> {
  await page.getByRole('button', { name: 'One step' }).click();
  await page.locator('[data-testid=step]', { hasText: new RegExp(`^${upTo}$`) }).waitFor();
  return Number(await page.getByTestId('loss').textContent());
}

const trouble = (page: Page) => page.getByRole('alert');

maybe('training', () => {
  test('every preset takes a step, with a loss that is a number', async () => {
    const { page, troubles } = await site.open('?preset=counting&units=4');
    await ready(page);
    const names = {
      counting: 'Counting ones',
      anbn: 'aⁿbⁿ',
      copy: 'Copy',
      adding: 'Adding',
      sine: 'Waves',
      names: 'Names',
      novel: 'Moby-Dick',
      births: 'US births',
    };
    expect(Object.keys(names).sort()).toEqual(PRESETS.filter((preset) => preset !== 'own').sort());
    for (const name of Object.values(names)) {
      await page.getByRole('button', { name, exact: true }).click();
      await page.locator('[data-testid=step]', { hasText: /^0$/ }).waitFor();
      await page.locator('.setup[aria-busy=false]').waitFor();
      await ready(page);
      expect(await oneStep(page)).toBeGreaterThan(0);
    }
    expect(troubles).toEqual([]);
    await page.close();
  });

  test.each(['tbptt:k1=4,k2=8', 'rtrl'])('by %s', async (estimator) => {
    const { page } = await site.open(`?preset=counting&units=4&steps=8&estimator=${estimator}`);
    await ready(page);
    const losses = [await oneStep(page, 1), await oneStep(page, 2)];
    for (const loss of losses) expect(loss).toBeGreaterThan(0);
    await page.close();
  });

  test('plays, pauses, and never holds up the page', async () => {
    const { page } = await site.open('?preset=novel&units=96&batch=32&layers=2');
    await ready(page);
    await page.getByRole('button', { name: 'Play' }).click();
    await page.locator('[data-testid=step]:not(:text-is("0"))').waitFor();
    const longest = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let [last, most, frames] = [performance.now(), 0, 0];
          const next = (now: number): void => {
            most = Math.max(most, now - last);
            last = now;
            if (++frames < 60) requestAnimationFrame(next);
            else resolve(most);
          };
          requestAnimationFrame(next);
        }),
    );
    expect(longest).toBeLessThan(1500); // a pass of this model on the page itself would hold it up for many of them
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Play' }).waitFor();
    const stopped = await page.getByTestId('step').textContent();
    await page.waitForTimeout(300);
    expect(await page.getByTestId('step').textContent()).toBe(stopped);
    await page.close();
  });
});

maybe('one update a second', () => {
  const slowly = async () => {
    const opened = await site.open('?preset=counting&units=4');
    await ready(opened.page);
    await opened.page.getByLabel('Speed').selectOption('1');
    await opened.page.getByRole('button', { name: 'Play' }).click();
    await opened.page.locator('[data-testid=step]', { hasText: /^[1-9]/ }).waitFor();
    return opened.page;
  };

  test('another speed takes effect at once, and it goes on', async () => {
    const page = await slowly();
    await page.getByLabel('Speed').selectOption('Infinity');
    // At one a second a hundred would take longer.
    await page.locator('[data-testid=step]', { hasText: /^\d{3,}$/ }).waitFor({ timeout: 60_000 });
    expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(1);
    await page.close();
  });

  test('what waited for its next update when all was reset does not end what is played next', async () => {
    const page = await slowly();
    await page.getByRole('button', { name: 'Reset' }).click();
    await page.locator('[data-testid=step]', { hasText: /^0$/ }).waitFor();
    await page.getByRole('button', { name: 'Play' }).click();
    await page.locator('[data-testid=step]', { hasText: /^[2-9]/ }).waitFor();
    expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(1);
    await page.close();
  });
});

maybe('what one brings and takes', () => {
  test('a text, a table; a model saved for the command line, and one of its own opened', async () => {
    writeFileSync(at('own.txt'), 'the sea, the ship, the whale. '.repeat(40));
    const rows = Array.from({ length: 400 }, (_, t) => `${t % 7},${(10 + 3 * Math.sin(t / 3)).toFixed(3)}`);
    writeFileSync(at('own.csv'), ['day,value', ...rows].join('\n'));
    const { page, troubles } = await site.open('?preset=counting&units=4');
    await ready(page);
    await page.locator('.own summary').click();
    await page.locator('.own input[type=file]').setInputFiles(at('own.csv'));
    await page.getByText('own.csv: the next value.').waitFor();
    expect(await oneStep(page)).toBeGreaterThan(0);
    await page.locator('.own input[type=file]').setInputFiles(at('own.txt'));
    await page.getByText('own.txt: the next character.').waitFor();
    expect(await oneStep(page)).toBeGreaterThan(0);

    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the model' }).click();
    await (await saved).saveAs(at('model.safetensors'));
    expect(unspool('info', 'model.safetensors')).toMatch(/lstm +32 units/);
    expect(unspool('eval', 'model.safetensors', 'own.txt')).toMatch(/bits per character +\d/);

    unspool(
      'train',
      'own.txt',
      '--hidden-size',
      '8',
      '--embedding-size',
      '4',
      '--batch-size',
      '4',
      '--steps',
      '8',
      '--max-updates',
      '3',
      '--out',
      'cli.safetensors',
    );
    await page.locator('.button input[type=file]').setInputFiles(at('cli.safetensors'));
    const facts = unspool('info', 'cli.safetensors').match(/Parameters: ([\d,]+)/)![1]!;
    await page.getByText(`${facts} parameters`).waitFor();
    expect(troubles).toEqual([]);

    await page.locator('.button input[type=file]').setInputFiles(at('own.csv'));
    await trouble(page)
      .getByText(/own\.csv/)
      .waitFor();
    await page.close();
  });

  test('drawings and tables', async () => {
    const { page } = await site.open('?preset=counting&units=4#train');
    await ready(page);
    await oneStep(page);
    const take = async (name: string): Promise<string> => {
      const download = page.waitForEvent('download');
      await page.locator('.figure', { hasText: 'Loss' }).first().getByRole('button', { name }).click();
      const file = await download;
      await file.saveAs(at(file.suggestedFilename()));
      return readFileSync(at(file.suggestedFilename()), 'latin1');
    };
    expect(await take('SVG')).toMatch(/^<svg[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect((await take('CSV')).split('\n')[0]).toBe('update,loss');
    expect((await take('PNG')).slice(1, 4)).toBe('PNG');
    await page.close();
  });
});

maybe('what goes wrong gets words, and a way on', () => {
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

  test.each([
    ['noise.bin', 'binary', /noise\.bin is no text/],
    ['large.txt', 'large', /large\.txt has 100 MB; the Studio takes up to 20/],
    ['words.csv', `a,b\n${'1,2\n'.repeat(50)}3,four\n`, /words\.csv, line 52: "four" in column "b" is no number/],
    ['names.csv', `a,b\n${'x,y\n'.repeat(50)}`, /names\.csv has no column of numbers/],
    ['short.txt', 'too short', /short\.txt has 9 characters, too few/],
    ['empty.txt', ' ', /empty\.txt is empty/],
    ['broken.safetensors', 'no model at all', /broken\.safetensors/],
  ])('%s', async (name, make, words) => {
    const { page } = await site.open('?preset=counting&units=4');
    await ready(page);
    await drop(page, name, make);
    await trouble(page).getByText(words).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    expect(await oneStep(page)).toBeGreaterThan(0); // what was there goes on
    await page.close();
  });

  test('a loss that is no number', async () => {
    const { page } = await site.open('?preset=counting&units=4&optimizer=sgd&rate=10');
    await ready(page);
    // Weights as large as floats can be: the next pass is not finite.
    await page.getByRole('link', { name: 'Unroll' }).click();
    await page.locator('.diagram').waitFor();
    await page.evaluate(() => {
      const slider = document.querySelector('.change input[type=range]') as HTMLInputElement;
      slider.max = '1e39';
      slider.step = 'any';
      slider.value = '1e39';
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await page.waitForTimeout(300);
    await page.getByRole('link', { name: 'Set up & train' }).click();
    await page.getByRole('button', { name: 'One step' }).click();
    await trouble(page)
      .getByText(/became (NaN|Infinity)/)
      .waitFor();
    await page.getByRole('button', { name: 'Reset' }).click();
    await ready(page);
    expect(await oneStep(page)).toBeGreaterThan(0);
    await page.close();
  });

  test('the worker is gone', async () => {
    const { page } = await site.open('?preset=counting&units=4');
    await ready(page);
    const [worker] = page.workers();
    await worker!.evaluate(() => self.close());
    await trouble(page).getByText('no longer answers').waitFor({ timeout: 40_000 });
    await page.getByRole('button', { name: 'Start again' }).click();
    await ready(page);
    expect(await oneStep(page)).toBeGreaterThan(0);
    await page.close();
  });

  test('a computer that slept: the worker is still there', async () => {
    const clock = (): void => {
      const now = performance.now.bind(performance);
      Object.assign(window, { slept: 0 });
      performance.now = () => now() + (window as unknown as { slept: number }).slept;
    };
    const { page } = await site.open('?preset=counting&units=4', {}, clock);
    await ready(page);
    await page.evaluate(() => Object.assign(window, { slept: 90_000 }));
    await page.waitForTimeout(2500); // one question
    expect(await trouble(page).count()).toBe(0);
    expect(await oneStep(page)).toBeGreaterThan(0);
    await page.close();
  });

  test('a gate that cannot be held is told, and let go', async () => {
    const { page } = await site.open('?preset=counting&units=3&steps=6&cell=coupled#unroll');
    const slider = page.getByRole('slider', { name: /^Hold a gate/ });
    await slider.fill('0.2');
    await trouble(page).filter({ hasText: 'Hold i instead' }).waitFor();
    expect(await page.getByRole('button', { name: 'Let it go' }).isDisabled()).toBe(true);
    await page.close();
  });

  test('no WebAssembly', async () => {
    const { page } = await site.open('', {}, () => Reflect.deleteProperty(globalThis, 'WebAssembly'));
    await trouble(page).getByText('This browser has no WebAssembly').waitFor();
    await page.close();
  });

  test('a link with wrong settings', async () => {
    const { page } = await site.open('?preset=counting&units=9999&cell=round');
    await trouble(page).getByText('units should be from 1 to 256, not 9999; cell is one of standard').waitFor();
    await ready(page);
    await page.close();
  });
});

maybe('everybody', () => {
  const axe = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');
  const rooms = ['train', 'unroll', 'look', 'tour'];

  describe.each([
    ['light', 1280],
    ['dark', 390],
  ] as const)('%s, %i wide', (colorScheme, width) => {
    test('axe finds nothing, the console is silent, nothing is wider than the page', async () => {
      const { page, troubles } = await site.open('?preset=anbn&units=6&steps=12', {
        colorScheme,
        viewport: { width, height: 800 },
      });
      await ready(page);
      await oneStep(page);
      await page.addScriptTag({ content: axe });
      for (const room of rooms) {
        await page.evaluate((name) => {
          location.hash = name;
        }, room);
        await page
          .locator(
            {
              train: '.stage .figure svg',
              unroll: '.diagram',
              look: '.pair .figure svg',
              tour: '.tour .figure svg, .tour table',
            }[room]!,
          )
          .first()
          .waitFor();
        await page.waitForTimeout(150);
        const found = await page.evaluate(async () => {
          const { violations } = await (
            window as unknown as {
              axe: {
                run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
              };
            }
          ).axe.run();
          return violations.map(
            ({ id, nodes }) =>
              `${id}: ${nodes
                .slice(0, 2)
                .map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary})`)
                .join(' | ')}`,
          );
        });
        expect({ room, found }).toEqual({ room, found: [] });
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      }
      expect(troubles).toEqual([]);
      await page.close();
    });
  });

  test('at most 400 KB gzipped, without data, over all rooms', async () => {
    site.served();
    const { page } = await site.open('?preset=anbn&units=6&steps=12');
    await ready(page);
    for (const room of rooms) {
      await page.evaluate((name) => {
        location.hash = name;
      }, room);
      await page.waitForTimeout(400);
    }
    const bytes = site.served();
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(400 * 1024);
    await page.close();
  });
});
