/** A weight's gradient beside a finite difference. */
import type { GradientCheck } from '../engine/api.js';

export const GradientCheckResult = ({ check }: { check: GradientCheck }) => (
  <p
    class="hint"
    data-testid="gradient-check"
    data-finite-difference={check.finiteDifference}
    data-gradient={check.gradient}
  >
    After update {check.update.toLocaleString('en')}: finite difference (L(w + ε) − L(w − ε)) / 2ε with w ={' '}
    {check.value.toPrecision(4)} and ε = {check.epsilon.toPrecision(1)}, in float64:{' '}
    <b>{check.finiteDifference.toPrecision(8)}</b>. Gradient by BPTT: <b>{check.gradient.toPrecision(8)}</b>.
  </p>
);
