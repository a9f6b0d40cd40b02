/** What the output layer and the loss make of h at the selected time step, and the gradient that comes back. */
import { formatNumber } from './numbers.js';
import type { Output, OutputRow } from './output.js';

/** Classes that are listed; the target is always among them. */
const SHOWN_CLASSES = 6;

function shownRows({ rows, shown }: Output): readonly OutputRow[] {
  const first = rows.slice(0, SHOWN_CLASSES);
  return first.includes(shown) ? first : [...first.slice(0, -1), shown];
}

const ClassRow = ({ name, index, value, probability, isTarget, grad }: OutputRow) => (
  <tr class={isTarget ? 'target' : ''} data-class={index}>
    <th scope="row">
      <code>{name}</code>
      {isTarget ? ' target' : ''}
    </th>
    <td data-logit={value}>{formatNumber(value)}</td>
    <td class="probability" data-probability={probability}>
      <i style={{ width: `${100 * probability!}%` }} />
      <span>{formatNumber(probability!)}</span>
    </td>
    <td data-grad={grad}>{formatNumber(grad)}</td>
  </tr>
);

function ClassTable({ output }: { output: Output }) {
  const rows = shownRows(output);
  const hidden = output.rows.length - rows.length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the table scrolls sideways, which must work with the keyboard
    <div class="wide" tabIndex={0}>
      <table class="classes">
        <thead>
          <tr>
            <th scope="col">class</th>
            <th scope="col">logit z</th>
            <th scope="col">probability p</th>
            <th scope="col">dL/dz</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <ClassRow key={row.index} {...row} />
          ))}
        </tbody>
      </table>
      {hidden > 0 && <p class="hint">and {hidden} more classes</p>}
    </div>
  );
}

const NumberFacts = ({ output: { shown, target } }: { output: Output }) => (
  <dl class="facts">
    <dt>prediction y</dt>
    <dd data-logit={shown.value}>{formatNumber(shown.value)}</dd>
    <dt>target</dt>
    <dd>{target === null ? 'none at this step' : formatNumber(target)}</dd>
    <dt>dL/dy</dt>
    <dd data-grad={shown.grad}>{formatNumber(shown.grad)}</dd>
  </dl>
);

/** `lit`: the walk is at the output layer or the loss. */
export function OutputPanel({ output, targetLabel, lit }: { output: Output; targetLabel: string; lit: boolean }) {
  const { t, prediction, target, loss, counted } = output;
  return (
    <section class={`output ${lit ? 'lit' : ''}`} aria-label="From h to the loss">
      <h2>From h to the loss, step {t}</h2>
      <p class="hint">
        {prediction === 'class'
          ? 'The output layer reads h of all units and gives each class a logit. The softmax makes probabilities of them.'
          : 'The output layer reads h of all units and makes a prediction of them.'}
        {targetLabel && (
          <>
            {' '}
            The target is <code>{targetLabel}</code>.
          </>
        )}
      </p>
      {prediction === 'class' ? <ClassTable output={output} /> : <NumberFacts output={output} />}
      <p>
        {target === null ? (
          'This step has no target and no loss.'
        ) : (
          <>
            Loss of this step:{' '}
            <b data-testid="step-loss" data-value={loss}>
              {formatNumber(loss)}
            </b>
            . The loss of the sequence is the mean of {formatNumber(counted)}.
          </>
        )}
      </p>
    </section>
  );
}
