/** The Studio shows what the library computes: losses, the number on every wire, gradients by time step, finite differences. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { Model } from '../../src/core/model.js';
import { createModel } from '../../src/create.js';
import { type Trace, trace } from '../../src/inspect/index.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { specOf, taskOf } from '../../studio/src/engine/tasks/index.js';
import type { Task } from '../../studio/src/engine/tasks/task.js';
import { mostActive } from '../../studio/src/position.js';
import { fromQuery } from '../../studio/src/settings.js';
import { cellAt } from '../../studio/src/unroll/cell.js';
import { formatNumber } from '../../studio/src/unroll/numbers.js';
import { describeInChromium } from '../support/machine.js';
import { numberOf, oneUpdate, ready, studio } from './support.js';

const site = studio();
const QUERY = '?preset=adding&units=4&layers=2&steps=6&batch=4';

/** The same task and model, made by the library. */
async function same(query = QUERY): Promise<{ task: Task; model: Model }> {
  const { settings } = fromQuery(query);
  const task = await taskOf(settings, null, async (file) => readFileSync(`data/${file}`, 'utf8'));
  return { task, model: await createModel(specOf(settings, task)) };
}

async function firstLosses(query: string, steps: number): Promise<{ losses: number[]; model: Model; task: Task }> {
  const { task, model } = await same(query);
  const losses: number[] = [];
  const options = {
    optimizer: adam({ learningRate: fromQuery(query).settings.learningRate }),
    loss: task.loss,
    clipNorm: 1,
    epochs: 9,
    seed: 1,
    maxUpdates: steps,
  };
  for await (const event of fit(model, task.data, options)) if (event.kind === 'update') losses.push(event.loss);
  return { losses, model, task };
}

/** Of the wires in the diagram: value and gradient by name. */
const wires = (page: Page): Promise<Record<string, { value: number | null; grad: number | null }>> =>
  page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll('[data-wire]')].map((wire) => {
        const number = (name: string): number | null => {
          const text = wire.querySelector(`[data-${name}]`)?.getAttribute(`data-${name}`);
          return text === undefined || text === null ? null : Number(text);
        };
        return [(wire as HTMLElement).dataset.wire!, { value: number('value'), grad: number('grad') }];
      }),
    ),
  );

function expectWires(
  found: Awaited<ReturnType<typeof wires>>,
  whole: Trace,
  layer: number,
  t: number,
  unit: number,
): void {
  const cell = cellAt(whole.layers[layer]!, t, unit);
  const near = (got: number | null, want: number): void =>
    expect(Math.abs(got! - want)).toBeLessThan(1e-6 * (1 + Math.abs(want)));
  for (const gate of ['i', 'f', 'g', 'o'] as const) {
    near(found[gate]!.value, cell.gate[gate].value);
    near(found[gate]!.grad, cell.gate[gate].grad);
    near(found[`a${gate}`]!.value, cell.a[gate].value);
    near(found[`a${gate}`]!.grad, cell.a[gate].grad);
  }
  near(found.c!.value, cell.c.value);
  near(found.c!.grad, cell.c.grad);
  near(found.h!.value, cell.h.value);
  near(found.h!.grad, cell.h.grad);
  near(found.cBefore!.value, cell.cBefore.value);
  near(found.cBefore!.grad, cell.cBefore.grad);
  near(found.hBefore!.value, cell.hBefore.value);
  near(found.hBefore!.grad, cell.hBefore.grad);
  // The cell's own sums, wire by wire.
  near(found.c!.value, found.f!.value! * found.cBefore!.value! + found.i!.value! * found.g!.value!);
  near(found.h!.value, found.o!.value! * found.tanhC!.value!);
  near(found.cBefore!.grad, found.c!.grad! * found.f!.value!);
}

describeInChromium('training', () => {
  test('updates, an epoch and a reset give the losses of fit', async () => {
    const { page, troubles } = await site.open(QUERY);
    await ready(page);
    const { losses } = await firstLosses(QUERY, 3);
    for (const [i, want] of losses.entries()) expect(await oneUpdate(page, i + 1)).toBeCloseTo(want, 4);
    await page.getByRole('button', { name: 'One epoch' }).click();
    await page.locator('[data-testid=update]', { hasText: /^50$/ }).waitFor();
    expect(Number(await page.getByTestId('validation').textContent())).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Reset' }).click();
    await page.locator('[data-testid=update]', { hasText: /^0$/ }).waitFor();
    await ready(page);
    expect(await oneUpdate(page, 1)).toBeCloseTo(losses[0]!, 4);
    expect(new URL(page.url()).search).toContain('units=4');
    expect(troubles).toEqual([]);
  });
});

describeInChromium('Unroll', () => {
  test('every wire shows the number of the trace, and the walk visits every stage', async () => {
    const { page } = await site.open(`${QUERY}#unroll`);
    await page.locator('.diagram').waitFor();
    const { task, model } = await same();
    const { batch } = task.sequence(0);
    const whole = await trace(model, batch, { loss: task.loss });
    expect(Number(await page.getByTestId('sequence-loss').textContent())).toBeCloseTo(whole.loss, 4);
    const T = batch.steps;
    const { time, unit } = mostActive(whole.layers[0]!);
    expect(await page.getByLabel('Step', { exact: true }).inputValue()).toBe(String(time));
    expect(await page.getByLabel('Unit', { exact: true }).inputValue()).toBe(String(unit));
    await page.getByLabel('Unit', { exact: true }).fill('0');
    const view = page.locator('.unroll');
    const stages: string[] = [];
    await page.locator('.scrub').focus();
    await page.keyboard.press('Home');
    const half = 6 * T;
    for (let n = 0; n < 2 * half; n++) {
      stages.push((await view.locator('.position-text').textContent())!.replace(/\s+/g, ' ').trim());
      if (n === half + 2) expectWires(await wires(page), whole, 0, T - 1, 0); // B4 of the last step
      if (n === 2 * half - 1) expectWires(await wires(page), whole, 0, 0, 0); // B1 of the first
      await page.keyboard.press('ArrowRight');
    }
    expect(stages[0]).toBe('step 0 · forward · F1');
    expect(stages.slice(3, 6)).toEqual(['F4', 'A1', 'L2'].map((tag) => `step 0 · forward · ${tag}`));
    expect(stages[half - 1]).toBe(`step ${T - 1} · forward · L2`);
    const back = ['L2′', 'A1′', 'B4'].map((tag) => `step ${T - 1} · backward · ${tag}`);
    expect(stages.slice(half, half + 3)).toEqual(back);
    expect(stages.at(-1)).toBe('step 0 · backward · B1');
    expect(new Set(stages).size).toBe(2 * half);
    // Another layer, step and unit.
    await page.getByLabel('Layer', { exact: true }).fill('1');
    await page.getByLabel('Step', { exact: true }).fill('3');
    await page.getByLabel('Unit', { exact: true }).fill('2');
    expectWires(await wires(page), whole, 1, 3, 2);
  });

  test('continues from h to the logits, the probabilities and the loss', async () => {
    const query = '?preset=anbn&units=4&steps=8';
    const { page, troubles } = await site.open(`${query}#unroll`);
    await page.locator('.diagram').waitFor();
    const { task, model } = await same(query);
    const whole = await trace(model, task.sequence(0).batch, { loss: task.loss });
    await page.getByLabel('Step', { exact: true }).fill('5');
    await page.getByRole('button', { name: 'L1', exact: true }).click();
    await page.locator('.output.lit').waitFor();
    const classes = await page.locator('.classes tbody tr').evaluateAll((rows) =>
      rows.map((row) => {
        const of = (name: string) => Number(row.querySelector(`[data-${name}]`)!.getAttribute(`data-${name}`));
        const index = Number((row as HTMLElement).dataset.class);
        return { index, logit: of('logit'), probability: of('probability'), grad: of('grad') };
      }),
    );
    expect(classes.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
    for (const { index, logit, probability, grad } of classes) {
      const at = 5 * 3 + index;
      expect(logit).toBeCloseTo(whole.output.data[at]!, 6);
      expect(probability).toBeCloseTo(whole.probabilities!.data[at]!, 6);
      expect(grad).toBeCloseTo(whole.outputGrad.data[at]!, 6);
    }
    const loss = await numberOf(page, '[data-testid=step-loss]', 'data-value');
    expect(loss).toBeCloseTo(whole.lossByStep![5]!, 6);
    await page.getByTestId('numbers').getByText(formatNumber(loss)).first().waitFor();
    expect(troubles).toEqual([]);
  });

  test('a weight’s gradient is the sum over its time steps, and agrees with a finite difference', async () => {
    const { page } = await site.open(`${QUERY}#unroll`);
    await page.locator('.diagram').waitFor();
    const { task, model } = await same();
    const whole = await trace(model, task.sequence(0).batch, { loss: task.loss });
    await page.getByLabel('Unit', { exact: true }).fill('1');
    await page.getByLabel('Into gate').selectOption('g');
    await page.getByLabel('Weight', { exact: true }).selectOption({ label: 'from h⁻[2]' });
    const { data, cols } = whole.gradients[whole.layers[0]!.parameters.weight_hh!]!;
    const want = data[(2 * 4 + 1) * cols + 2]!;
    expect(want).not.toBe(0);
    const near = (got: number): void => expect(Math.abs(got - want)).toBeLessThan(1e-5 * Math.abs(want) + 1e-9);
    near(await numberOf(page, '[data-testid=sum-of-steps]', 'data-value'));
    near(await numberOf(page, '[data-testid=library-gradient]', 'data-value'));
    await page.getByRole('button', { name: 'Check its gradient with a finite difference' }).click();
    await page.getByTestId('gradient-check').waitFor();
    const [difference, gradient] = [
      await numberOf(page, '[data-testid=gradient-check]', 'data-finite-difference'),
      await numberOf(page, '[data-testid=gradient-check]', 'data-gradient'),
    ];
    near(gradient);
    expect(Math.abs(difference - gradient)).toBeLessThan(1e-6 * Math.abs(gradient) + 1e-10);
  });
});

describeInChromium('edits', () => {
  test('a clamped gate, a changed weight and an edited input give the losses of the library', async () => {
    const { page } = await site.open(`${QUERY}#unroll`);
    await page.locator('.diagram').waitFor();
    await page.getByLabel('Unit', { exact: true }).fill('0');
    const before = Number(await page.getByTestId('edited-loss').textContent());
    const drag = (label: RegExp, value: number) =>
      page.getByLabel(label).evaluate((slider, to) => {
        (slider as HTMLInputElement).value = String(to);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
      }, value);
    await drag(/^Clamp a gate/, 0.25);
    await page.locator('[data-testid=gate-value]', { hasText: /^0\.25$/ }).waitFor();
    for (const at of [0, 3, 5]) {
      await page.getByLabel('Step', { exact: true }).fill(String(at));
      await page.getByRole('button', { name: 'B1', exact: true }).click();
      const found = await wires(page);
      expect(found.f!.value).toBeCloseTo(0.25, 6);
      expect(found.af!.grad).toBeCloseTo(0, 12);
      expect(found.c!.value).toBeCloseTo(0.25 * found.cBefore!.value! + found.i!.value! * found.g!.value!, 6);
    }
    expect(Number(await page.getByTestId('edited-loss').textContent())).not.toBe(before);
    await page.getByRole('button', { name: 'Release' }).click();
    await page.locator('[data-testid=edited-loss]', { hasText: String(before) }).waitFor();

    await page.getByRole('spinbutton', { name: 'x[0]' }).fill('5');
    await page.getByRole('spinbutton', { name: 'x[0]' }).press('Tab');
    const { task, model } = await same();
    const { batch } = task.sequence(0);
    const inputs = Array.from(batch.inputs);
    inputs[5 * 2] = 5;
    const edited = await model.evaluate({ ...batch, inputs: Float32Array.from(inputs) }, { loss: task.loss });
    await page.locator('[data-testid=edited-loss]', { hasText: edited.loss.toPrecision(4) }).waitFor();
    await page.getByRole('button', { name: 'Restore the inputs' }).click();
    await page.locator('[data-testid=edited-loss]', { hasText: String(before) }).waitFor();

    await drag(/^Weight /, 1.5);
    await page.locator('[data-testid=weight-value]', { hasText: /^1\.5$/ }).waitFor();
    const first = model.parameters.layout.entries[0]!.name;
    const weights = (await model.parameters.download()).get(first)!.slice();
    weights[4 * 2] = 1.5; // into gate f of unit 0, from x[0]
    model.parameters.set(first, weights);
    const dragged = await model.evaluate(batch, { loss: task.loss });
    await page.locator('[data-testid=edited-loss]', { hasText: dragged.loss.toPrecision(4) }).waitFor();
  });
});

describeInChromium('Inspect', () => {
  test('compares estimators with the exact gradient, checks a weight, and colors the inputs', async () => {
    const { page, troubles } = await site.open(`${QUERY}&layers=1#inspect`);
    await page.locator('.maps canvas').first().waitFor();
    expect(await page.locator('.maps canvas').count()).toBe(6);
    await page.getByLabel('rtrl', { exact: true }).check();
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    await page.getByTestId('estimators').waitFor();
    const cosines = await page
      .locator('[data-cosine]')
      .evaluateAll((cells) => cells.map((cell) => Number((cell as HTMLElement).dataset.cosine)));
    expect(cosines).toHaveLength(4);
    expect(cosines[0]).toBeCloseTo(1, 10); // bptt
    expect(cosines[2]).toBeLessThan(0.9999); // one step back
    expect(cosines[3]).toBeCloseTo(1, 10); // rtrl
    await page.getByRole('button', { name: /with a finite difference/ }).click();
    await page.getByTestId('gradient-check').waitFor();
    const of = (name: string) => numberOf(page, '[data-testid=gradient-check]', name);
    expect(Math.abs((await of('data-finite-difference')) - (await of('data-gradient')))).toBeLessThan(1e-9);
    await page.getByLabel('Color by').selectOption('influence');
    await page.locator('.colored.influence button[style*=rgb]').first().waitFor();
    expect(troubles).toEqual([]);
  });
});
