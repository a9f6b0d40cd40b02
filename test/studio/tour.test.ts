/** The tour: each chapter's figure shows what the library computes, and its code runs. */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { createModel } from '../../src/create.js';
import { backpropagation } from '../../studio/src/engine/lessons/backpropagation.js';
import { forwardPass } from '../../studio/src/engine/lessons/forward-pass.js';
import { loss } from '../../studio/src/engine/lessons/loss.js';
import { specOf, taskOf } from '../../studio/src/engine/tasks/index.js';
import { fromQuery } from '../../studio/src/settings.js';
import { CHAPTERS } from '../../studio/src/tour/chapters.js';
import { SNIPPETS } from '../../studio/src/tour/snippets.js';
import { describeInChromium } from '../support/machine.js';
import { numberOf, ROOT, showView, studio } from './support.js';

const site = studio();
const QUERY = '?preset=adding&units=4&steps=6&batch=4';

const result = (page: Page): Promise<number> => numberOf(page, '[data-testid=result]', 'data-value');

async function chapter(page: Page, number: number): Promise<void> {
  await showView(page, `tour/${number}`);
  await page.locator('.tour h2', { hasText: `${number}. ` }).waitFor();
}

test('has eleven chapters, each with text, an equation and code', () => {
  expect(CHAPTERS).toHaveLength(11);
  expect(SNIPPETS).toHaveLength(11);
  for (const { text, equations } of CHAPTERS) {
    expect(text.length).toBeGreaterThanOrEqual(2);
    expect(equations.length).toBeGreaterThanOrEqual(1);
  }
});

describe('the code of each chapter runs', () => {
  // Inside the package, where its name resolves to the build.
  const folder = join(ROOT, 'runs', `tour-${process.pid}`);
  test.each(CHAPTERS.map(({ title }, i) => [title, i] as const))('%s', async (_, i) => {
    mkdirSync(folder, { recursive: true });
    try {
      const file = join(folder, `chapter-${i}.mjs`);
      writeFileSync(file, SNIPPETS[i]!);
      const { stdout, stderr } = await promisify(execFile)('node', [file]);
      expect(stderr).toBe('');
      expect(stdout).not.toMatch(/NaN|undefined/);
      expect(stdout.trim()).not.toBe('');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describeInChromium('figures of the tour', () => {
  test('show what the library computes, chapter by chapter', async () => {
    const { page, troubles } = await site.open(`${QUERY}#tour/1`);
    const { settings } = fromQuery(QUERY);
    const task = await taskOf(settings, null, async () => '');
    const model = await createModel(specOf(settings, task));
    const near = async (want: number): Promise<void> => {
      const got = await result(page);
      expect(Math.abs(got - want)).toBeLessThan(1e-5 * Math.abs(want) + 1e-9);
    };
    await chapter(page, 2);
    await near(4 * 4 * (2 + 4 + 1));
    await page.getByRole('slider', { name: 'Units' }).fill('10');
    await near(4 * 10 * (2 + 10 + 1));
    await chapter(page, 8);
    await page.getByRole('button', { name: 'One epoch' }).click();
    await page.locator(`[data-testid=result][data-value="${task.data.train.length}"]`).waitFor();
    await chapter(page, 9);
    await page.getByRole('button', { name: /Train one epoch/ }).click();
    await page.getByText(`after ${2 * task.data.train.length} updates`).waitFor();
    expect(await result(page)).toBeGreaterThan(0);
    await chapter(page, 10);
    await page.getByRole('button', { name: /Train with four learning rates/ }).click();
    await page.getByTestId('result').waitFor();
    expect([0.0003, 0.003, 0.03, 0.3]).toContain(await result(page));
    await chapter(page, 11);
    await page.getByRole('button', { name: /Run 500 time steps/ }).click();
    await page.getByTestId('ms').getByText(/ ms$/).waitFor();
    expect(await result(page)).toBeGreaterThan(4 * model.parameters.layout.size);
    expect(troubles).toEqual([]);
  });
});

/** The heights, in whole pixels and without repetitions, at which a figure draws its points, or the points of its longest line. */
const heightsOf = (page: Page, figure: RegExp): Promise<{ heights: number[]; count: number }> =>
  page
    .locator('.live .figure', { hasText: figure })
    .locator('svg')
    .evaluate((svg) => {
      const points = Array.from(svg.querySelectorAll('circle'), (circle) => circle.getAttribute('cy')!);
      const lines = Array.from(
        svg.querySelectorAll('path'),
        (path) => path.getAttribute('d')!.match(/(?<=,)[\d.-]+/g)!,
      );
      const drawn = points.length > 0 ? points : lines.reduce((a, b) => (b.length > a.length ? b : a));
      return { heights: [...new Set(drawn.map((y) => Math.round(Number(y))))], count: drawn.length };
    });

/** Waits until the drawing, which follows the text of its figure, passes `test`. */
async function waitForHeights(page: Page, figure: RegExp, test: (heights: number[]) => boolean): Promise<void> {
  while (!test((await heightsOf(page, figure)).heights)) await page.waitForTimeout(50);
}

describeInChromium('chapters whose figures have their own models', () => {
  test('draw what their texts say, whatever the other views show', async () => {
    const { page, troubles } = await site.open(`${QUERY}#tour/1`);
    const near = async (want: number): Promise<void> =>
      expect(Math.abs((await result(page)) - want)).toBeLessThan(1e-5 * Math.abs(want));
    await page.getByTestId('result').waitFor();
    const cells = (part: string) =>
      page
        .locator(`.batch tr[data-row=${part}]`)
        .evaluateAll((rows) => rows.map((row) => Array.from(row.querySelectorAll('td'), (cell) => cell.textContent)));
    const lastTargets: (string | null | undefined)[][] = [];
    for (const batch of [0, 1, 2]) {
      await page.getByRole('slider', { name: 'Batch' }).fill(String(batch));
      const [inputs, targets] = [await cells('input'), await cells('target')];
      expect(inputs).toHaveLength(3);
      expect(targets.map((row) => row.slice(0, -1))).toEqual(inputs.map((row) => row.slice(1)));
      expect(await page.locator('.streams mark').allTextContents()).toEqual(inputs.map((row) => row.join('')));
      if (batch > 0) expect(inputs.map(([first]) => first)).toEqual(lastTargets.at(-1));
      lastTargets.push(targets.map((row) => row.at(-1)));
    }
    await chapter(page, 3);
    await page.getByTestId('result').waitFor();
    expect(await result(page)).toBeCloseTo(1 / (1 + Math.exp(-1)), 1);
    await waitForHeights(page, /Length of a vector/, (heights) => heights.length > 3);
    await page.getByLabel('Weights').selectOption('orthogonal');
    await page.getByTestId('singular').getByText('1 to 1').waitFor();
    await waitForHeights(page, /Length of a vector/, (heights) => heights.length === 1); // a flat line
    await chapter(page, 4);
    await page.getByTestId('result').waitFor();
    await page.getByRole('slider', { name: 'Unit' }).fill('1');
    await near((await forwardPass()).units[1]!.c.at(-1)!);
    await chapter(page, 5);
    await page.getByTestId('result').waitFor();
    await near((await loss(30)).mean);
    await page.getByRole('button', { name: 'untrained' }).click();
    await page.locator('.live [aria-pressed=true]', { hasText: 'untrained' }).waitFor();
    await page.waitForFunction(
      (before) => document.querySelector('[data-testid=result]')!.getAttribute('data-value') !== before,
      String((await loss(30)).mean),
    );
    await near((await loss(0)).mean);
    await chapter(page, 6);
    await page.getByTestId('result').waitFor();
    await near((await backpropagation(1)).total[0]!);
    await chapter(page, 7);
    await page.getByTestId('result').waitFor();
    await waitForHeights(page, /Recurrent weights/, (heights) => heights.length > 1);
    const first = await heightsOf(page, /Recurrent weights/);
    expect(first.count).toBe(4 * 16 * 16);
    const [top, bottom] = [Math.min(...first.heights), Math.max(...first.heights)];
    expect(bottom - top).toBeGreaterThan(50);
    // All points lie on two lines, but for gradients near Adam's epsilon.
    expect(first.heights.filter((y) => y > top + 3 && y < bottom - 3)).toEqual([]);
    await page.getByRole('button', { name: 'Ten more' }).click();
    await page.getByTestId('lesson-update').getByText('11').waitFor();
    await waitForHeights(page, /Recurrent weights/, (heights) => heights.length > 20);
    expect(troubles).toEqual([]);
  });
});

describeInChromium('navigation of the tour', () => {
  test('arrow keys and links change the chapter', async () => {
    const { page } = await site.open(`${QUERY}#tour/3`);
    await page.locator('.tour h2', { hasText: '3. Initialization' }).waitFor();
    await page.keyboard.press('ArrowRight');
    await page.locator('.tour h2', { hasText: '4. Forward pass' }).waitFor();
    await page.getByRole('link', { name: 'Deployment' }).click();
    await page.locator('.tour h2', { hasText: '11. Deployment' }).waitFor();
    expect(page.url()).toContain('#tour/11');
  });
});
