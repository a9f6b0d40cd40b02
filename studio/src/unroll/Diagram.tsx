/** The cell of one unit, with the value on every wire and, on the backward pass, its gradient. */
import type { Cell } from './cell.js';
import { formatNumber } from './equations.js';
import { GATE_X, HORIZONTAL, WIRES, type Wire } from './wires.js';

interface NodeProps {
  readonly x: number;
  readonly y: number;
  readonly symbol: string;
}

const Node = ({ x, y, symbol, title }: NodeProps & { title: string }) => (
  <g>
    <title>{title}</title>
    <circle cx={x} cy={y} r="18" class="node" />
    <text x={x} y={y + 5} text-anchor="middle" class="sign">
      {symbol}
    </text>
  </g>
);

const Box = ({ x, y, symbol }: NodeProps) => (
  <g>
    <rect x={x - 30} y={y - 18} width="60" height="36" rx="6" class="node" />
    <text x={x} y={y + 5} text-anchor="middle" class="sign">
      {symbol}
    </text>
  </g>
);

interface DiagramProps {
  readonly cell: Cell;
  /** Ids of the wires to highlight. */
  readonly highlighted: readonly string[];
  /** Whether to show gradients. */
  readonly backward: boolean;
}

function WireGroup({ wire, cell, highlighted, backward }: DiagramProps & { wire: Wire }) {
  const {
    id,
    path,
    at: [x, y],
    name,
  } = wire;
  const [value, grad] = [wire.value(cell), wire.grad(cell)];
  const classes = highlighted.includes(id) ? `lit ${backward ? 'back' : ''}` : '';
  return (
    <g class={`wire ${classes}`} data-wire={id}>
      <path d={path} />
      <text x={x} y={y} class="name">
        {name}
        {Number.isNaN(value) ? null : (
          <tspan class="value" dx="5" data-value={value}>
            {formatNumber(value)}
          </tspan>
        )}
      </text>
      {backward && grad !== null && (
        <text x={x} y={y + (HORIZONTAL.has(id) ? 36 : 17)} class="grad" data-grad={grad}>
          ∂ {formatNumber(grad)}
        </text>
      )}
    </g>
  );
}

export function Diagram(props: DiagramProps) {
  const { unit, t, c, h } = props.cell;
  return (
    <svg
      class="diagram"
      viewBox="0 0 800 500"
      role="img"
      aria-label={`Unit ${unit} at step ${t}: c ${formatNumber(c.value)}, h ${formatNumber(h.value)}`}
    >
      {WIRES.map((wire) => (
        <WireGroup key={wire.id} wire={wire} {...props} />
      ))}
      <Node x={150} y={70} symbol="×" title="times the forget gate" />
      <Node x={360} y={70} symbol="+" title="kept plus written" />
      <Node x={360} y={210} symbol="×" title="input gate times candidate" />
      <Node x={640} y={230} symbol="×" title="output gate times tanh c" />
      <Box x={640} y={130} symbol="tanh" />
      <Box x={GATE_X.f} y={350} symbol="σ" />
      <Box x={GATE_X.i} y={350} symbol="σ" />
      <Box x={GATE_X.g} y={350} symbol="tanh" />
      <Box x={GATE_X.o} y={350} symbol="σ" />
    </svg>
  );
}
