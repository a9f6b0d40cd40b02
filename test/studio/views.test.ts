/** Every view is accessible, fits the page, and the whole Studio stays small. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { CHAPTERS } from '../../studio/src/tour/chapters.js';
import { describeInChromium } from '../support/machine.js';
import { oneUpdate, ROOT, ready, showView, studio } from './support.js';

const site = studio();
const axe = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** An element of each view that is drawn last. */
const DRAWN = {
  train: '.training .figure svg',
  unroll: '.diagram',
  inspect: '.pair .figure svg',
  tour: '.tour .figure svg, .tour table',
} as const;
const VIEWS = Object.keys(DRAWN) as (keyof typeof DRAWN)[];

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

async function violations(page: Page): Promise<string[]> {
  const found = await page.evaluate(
    async () =>
      (await (window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe.run()).violations,
  );
  const describeNode = ({ html, failureSummary }: Violation['nodes'][number]): string =>
    `${html.slice(0, 160)} (${failureSummary})`;
  return found.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 2).map(describeNode).join(' | ')}`);
}

/** Labels of figures that are cut off, or that overlap with another label of the same axis. */
const badLabels = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('.figure svg')].flatMap((drawing) => {
      const edge = drawing.getBoundingClientRect();
      const labels = [...drawing.querySelectorAll('text')].map((text) => ({
        name: `${drawing.getAttribute('aria-label')}: ${text.textContent}`,
        axis: text.parentElement,
        box: text.getBoundingClientRect(),
      }));
      const isCut = ({ box }: (typeof labels)[number]): boolean => box.left < edge.left || box.right > edge.right;
      const overlaps = (a: (typeof labels)[number], b: (typeof labels)[number]): boolean =>
        a.axis === b.axis &&
        a.box.left < b.box.right &&
        b.box.left < a.box.right &&
        a.box.top < b.box.bottom &&
        b.box.top < a.box.bottom;
      return labels
        .filter((one, i) => isCut(one) || labels.slice(0, i).some((other) => overlaps(one, other)))
        .map(({ name }) => name);
    }),
  );

describeInChromium('every view', () => {
  describe.each([
    ['light', 1280],
    ['dark', 390],
  ] as const)('in the %s color scheme, %i pixels wide', (colorScheme, width) => {
    test('has no axe violations, no console messages, and is not wider than the page', async () => {
      const { page, troubles } = await site.open('?preset=anbn&units=6&steps=12', {
        colorScheme,
        viewport: { width, height: 800 },
      });
      await ready(page);
      await oneUpdate(page);
      await page.addScriptTag({ content: axe });
      for (const view of VIEWS) {
        await showView(page, view);
        await page.locator(DRAWN[view]).first().waitFor();
        await page.waitForTimeout(150);
        expect({ view, violations: await violations(page) }).toEqual({ view, violations: [] });
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
        expect(await badLabels(page)).toEqual([]);
      }
      for (const [i, { title }] of CHAPTERS.entries()) {
        await showView(page, `tour/${i + 1}`);
        await page.locator('.tour h2', { hasText: title }).waitFor();
        const hidden = await page.locator('.code').evaluate((code) => code.scrollWidth - code.clientWidth);
        expect({ title, hidden }).toEqual({ title, hidden: 0 });
      }
      expect(troubles).toEqual([]);
    });
  });

  test('all views together are at most 400 KB gzipped, without data', async () => {
    site.served();
    const { page } = await site.openNew('?preset=anbn&units=6&steps=12');
    await ready(page);
    for (const view of VIEWS) {
      await showView(page, view);
      await page.waitForTimeout(400);
    }
    const bytes = site.served();
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(400 * 1024);
  });
});
