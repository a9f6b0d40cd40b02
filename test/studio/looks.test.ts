/** What a reader sees, on a wide page and on a phone: the first screen, where a chapter starts, and the size of the text. */
import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { CHAPTERS } from '../../studio/src/tour/chapters.js';
import { BACKWARD, FORWARD, tagOf } from '../../studio/src/unroll/stages.js';
import { describeInChromium } from '../support/machine.js';
import { oneUpdate, ready, showView, studio } from './support.js';

const site = studio();

/** Where the heading of the tour's chapter is, below the page's header, in pixels. */
const headingBelowHeader = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const edge = (selector: string) => document.querySelector(selector)!.getBoundingClientRect();
    return edge('.tour h2').top - edge('.top').bottom;
  });

/** The text that is drawn smaller than `min` pixels, with their size. */
const tooSmall = (page: Page, min: number): Promise<string[]> =>
  page.evaluate((least) => {
    const found = new Set<string>();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement!;
      const text = walker.currentNode.textContent!.trim();
      const isHidden = element.closest('.hidden, .katex-mathml, script, noscript, option, title') !== null;
      if (isHidden || !/[\p{L}\p{N}]/u.test(text) || element.getClientRects().length === 0) continue;
      const scale = element instanceof SVGGraphicsElement ? element.getScreenCTM()!.a : 1;
      const size = scale * Number.parseFloat(getComputedStyle(element).fontSize);
      if (size < least) found.add(`${text.slice(0, 30)}: ${size.toFixed(1)} pixels`);
    }
    return [...found];
  }, min);

/** The points of the predictions in the chart of the first screen. */
const predictions = (page: Page): Promise<string> =>
  page
    .locator('.model-output svg circle')
    .evaluateAll((circles) => circles.map((circle) => circle.getAttribute('cy')).join(' '));

describeInChromium('on a phone', () => {
  test('no text of any view, stage or chapter is smaller than 11 pixels', async () => {
    const { page } = await site.open('?preset=anbn&units=6&steps=12', { viewport: { width: 390, height: 800 } });
    await ready(page);
    await oneUpdate(page);
    const check = async (where: string): Promise<void> =>
      expect({ where, small: await tooSmall(page, 11) }).toEqual({ where, small: [] });
    await check('train');
    await showView(page, 'unroll');
    await page.locator('.diagram.narrow').waitFor();
    for (const stage of [...FORWARD, ...BACKWARD]) {
      const tag = tagOf(stage, 'class');
      await page.getByRole('button', { name: tag, exact: true }).click();
      await page.locator('.position-text b', { hasText: tag }).waitFor();
      await page.waitForTimeout(150); // the equations follow
      await check(tag);
    }
    await showView(page, 'inspect');
    await page.locator('.pair .figure svg').first().waitFor();
    await check('inspect');
    for (const [i, { title }] of CHAPTERS.entries()) {
      await showView(page, `tour/${i + 1}`);
      await page.locator('.tour h2', { hasText: title }).waitFor();
      await page.locator('.live .figure svg, .live table, .live .facts').first().waitFor();
      await check(title);
    }
  });
});

describeInChromium.each([1280, 390])('on a page that is %i pixels wide', (width) => {
  test('the next chapter of the tour starts below the header, and another view at its top', async () => {
    const { page, troubles } = await site.open('?preset=counting&units=4#tour/4', { viewport: { width, height: 700 } });
    await page.getByTestId('result').waitFor();
    for (const title of ['5. Loss', '6. Backpropagation']) {
      await page.locator('.tour button.main').last().click(); // the page is scrolled down to it
      await page.locator('.tour h2', { hasText: title }).waitFor();
      const gap = await headingBelowHeader(page);
      expect(gap).toBeGreaterThanOrEqual(0);
      expect(gap).toBeLessThan(40);
    }
    await page.evaluate(() => scrollTo(0, 400));
    await page.getByRole('link', { name: 'Unroll', exact: true }).first().click();
    await page.locator('.diagram').waitFor();
    expect(await page.evaluate(() => scrollY)).toBe(0);
    expect(troubles).toEqual([]);
  });

  test('the first screen says what the page does, and one click sets the predictions in motion', async () => {
    const { page } = await site.open('', { viewport: { width, height: 800 } });
    await ready(page);
    expect(await page.locator('.intro').textContent()).toMatch(
      /trains a neural network.*Press Play and watch its predictions approach the targets/s,
    );
    const play = page.getByRole('button', { name: 'Play' });
    const chart = page.locator('.model-output svg');
    await chart.waitFor();
    for (const part of [page.locator('.intro'), play, chart]) {
      const box = (await part.boundingBox())!;
      expect(box.y + box.height).toBeLessThan(800); // on the first screen
    }
    await page.locator('.model-output').getByText('Count the ones').waitFor();
    const before = await predictions(page);
    await play.click();
    const seen = new Set([before]);
    while (seen.size < 4) {
      seen.add(await predictions(page));
      await page.waitForTimeout(50);
    }
    await page.getByRole('button', { name: 'Pause' }).click();
  });
});
