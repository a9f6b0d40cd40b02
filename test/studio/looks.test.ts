/** What a reader sees, on a wide page and on a phone: where a chapter starts, and the size of the text. */
import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeInChromium } from '../support/machine.js';
import { studio } from './support.js';

const site = studio();

/** Where the heading of the tour's chapter is, below the page's header, in pixels. */
const headingBelowHeader = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const edge = (selector: string) => document.querySelector(selector)!.getBoundingClientRect();
    return edge('.tour h2').top - edge('.top').bottom;
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
    await page.close();
  });
});
