/** Training in the Studio: every preset, gradient estimators, play and pause, and the speed. */
import { expect, test } from '@jest/globals';
import { PRESETS } from '../../studio/src/settings.js';
import { describeInChromium } from '../support/machine.js';
import { oneUpdate, ready, showView, studio } from './support.js';

const site = studio();

describeInChromium('training', () => {
  test('every preset makes an update with a positive loss', async () => {
    const { page, troubles } = await site.open('?preset=counting&units=4');
    await ready(page);
    const names = {
      counting: 'Counting ones',
      anbn: 'aⁿbⁿ',
      copy: 'Copy',
      adding: 'Adding',
      sine: 'Sine waves',
      names: 'Names',
      novel: 'Moby-Dick',
      births: 'US births',
    };
    expect(Object.keys(names).sort()).toEqual(PRESETS.filter((preset) => preset !== 'own').sort());
    for (const name of Object.values(names)) {
      await page.getByRole('button', { name, exact: true }).click();
      await page.locator('[data-testid=update]', { hasText: /^0$/ }).waitFor();
      await page.locator('.setup[aria-busy=false]').waitFor();
      await ready(page);
      expect(await oneUpdate(page)).toBeGreaterThan(0);
    }
    expect(troubles).toEqual([]);
  });

  test.each(['tbptt:k1=4,k2=8', 'rtrl'])('the estimator %s trains', async (estimator) => {
    const { page } = await site.open(`?preset=counting&units=4&steps=8&estimator=${estimator}`);
    await ready(page);
    const losses = [await oneUpdate(page, 1), await oneUpdate(page, 2)];
    for (const loss of losses) expect(loss).toBeGreaterThan(0);
  });
});

describeInChromium('play and pause', () => {
  test('the page stays responsive while it plays, and stops when paused', async () => {
    const { page } = await site.open('?preset=novel&units=96&batch=32&layers=2');
    await ready(page);
    await page.getByRole('button', { name: 'Play' }).click();
    await page.locator('[data-testid=update]:not(:text-is("0"))').waitFor();
    const longestFrame = () =>
      page.evaluate(
        () =>
          new Promise<number>((resolve) => {
            let [last, longest, frames] = [performance.now(), 0, 0];
            const next = (now: number): void => {
              longest = Math.max(longest, now - last);
              last = now;
              if (++frames < 60) requestAnimationFrame(next);
              else resolve(longest);
            };
            requestAnimationFrame(next);
          }),
      );
    // An update of this model takes longer. Other programs may delay a frame, but not in each of five tries.
    let longest = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 5 && longest >= 1500; tries++) longest = await longestFrame();
    expect(longest).toBeLessThan(1500);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Play' }).waitFor();
    const stopped = await page.getByTestId('update').textContent();
    await page.waitForTimeout(300);
    expect(await page.getByTestId('update').textContent()).toBe(stopped);
  });
});

describeInChromium('during training', () => {
  test('the figures do not move, and the equations show the numbers of the diagram', async () => {
    const { page } = await site.open('?preset=counting&units=4&steps=8');
    await ready(page);
    const positions = () =>
      page.locator('.counts dd, .counts dt, .figure:nth-of-type(-n + 2)').evaluateAll((parts) =>
        parts.map((part) => {
          const { left, top } = part.getBoundingClientRect();
          return [left, top + scrollY];
        }),
      );
    // The plot of the predictions follows the first pass.
    await page
      .locator('.figure', { hasText: 'Predictions for a validation sequence' })
      .locator('svg')
      .first()
      .waitFor();
    const before = await positions();
    await page.getByRole('button', { name: 'Play' }).click();
    for (const length of [2, 3]) {
      await page.locator('[data-testid=update]', { hasText: new RegExp(`^[\\d,]{${length},}$`) }).waitFor();
      expect(await positions()).toEqual(before);
    }

    await showView(page, 'unroll');
    await page.getByRole('button', { name: 'B4', exact: true }).click();
    const shown = await page.evaluate(async () => {
      const seen: { update: string; diagram: string; equation: string }[] = [];
      const start = performance.now();
      const updates = new Set<string>();
      while (updates.size < 6 && performance.now() - start < 10_000) {
        await new Promise(requestAnimationFrame);
        updates.add(document.querySelector('[data-testid=traced-update]')!.textContent!);
        const numbers = document.querySelector('.numeric')!;
        if (getComputedStyle(numbers).visibility === 'hidden') continue;
        // dh = above + next = \mathbf{the gradient of h}
        const tex = numbers.querySelector('annotation')!.textContent!.match(/\\mathbf\{(.*)\}$/)![1]!;
        seen.push({
          update: document.querySelector('[data-testid=traced-update]')!.textContent!,
          diagram: document.querySelector('[data-wire=h] .grad')!.textContent!.replace('∂ ', ''),
          equation: tex.replace(/\{\\cdot\}10\^\{(.*)\}/, 'e$1'),
        });
      }
      return seen;
    });
    expect(new Set(shown.map(({ update }) => update)).size).toBeGreaterThan(1);
    for (const { diagram, equation } of shown) expect(equation).toBe(diagram);
  });
});

describeInChromium('at one update per second', () => {
  const openSlow = async () => {
    const opened = await site.open('?preset=counting&units=4');
    await ready(opened.page);
    await opened.page.getByLabel('Speed').selectOption('1');
    await opened.page.getByRole('button', { name: 'Play' }).click();
    await opened.page.locator('[data-testid=update]', { hasText: /^[1-9]/ }).waitFor();
    return opened.page;
  };

  test('another speed takes effect immediately', async () => {
    const page = await openSlow();
    await page.getByLabel('Speed').selectOption('Infinity');
    // At one update per second, a hundred would take longer.
    await page.locator('[data-testid=update]', { hasText: /^\d{3,}$/ }).waitFor({ timeout: 60_000 });
    expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(1);
  });

  test('a run that was reset while it waited does not stop the next run', async () => {
    const page = await openSlow();
    await page.getByRole('button', { name: 'Reset' }).click();
    await page.locator('[data-testid=update]', { hasText: /^0$/ }).waitFor();
    await page.getByRole('button', { name: 'Play' }).click();
    await page.locator('[data-testid=update]', { hasText: /^[2-9]/ }).waitFor();
    expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(1);
  });
});
