/** The cell of one unit, with the value on every wire and, on the backward pass, its gradient. */
import { GATES } from 'unspool/inspect';
import { useWidth } from '../ui/useWidth.js';
import type { Cell } from './cell.js';
import { type Layout, MIN_WIDE, NARROW, WIDE } from './diagram-layouts.js';
import { formatNumber } from './numbers.js';
import { WIRES, type Wire } from './wires.js';

interface NodeProps {
  readonly layout: Layout;
  readonly symbol: string;
}

const Node = ({ layout, at, symbol, title }: NodeProps & { at: keyof Layout['nodes']; title: string }) => {
  const [x, y] = layout.nodes[at];
  return (
    <g>
      <title>{title}</title>
      <circle cx={x} cy={y} r={layout.radius} class="node" />
      <text x={x} y={y + 5} text-anchor="middle">
        {symbol}
      </text>
    </g>
  );
};

const Box = ({ layout, at, symbol }: NodeProps & { at: keyof Layout['boxes'] }) => {
  const [x, y] = layout.boxes[at];
  return (
    <g>
      <rect x={x - layout.boxWidth / 2} y={y - 18} width={layout.boxWidth} height="36" rx="6" class="node" />
      <text x={x} y={y + 5} text-anchor="middle">
        {symbol}
      </text>
    </g>
  );
};

interface DiagramProps {
  readonly cell: Cell;
  /** Ids of the wires to highlight. */
  readonly highlighted: readonly string[];
  /** Whether to show gradients. */
  readonly backward: boolean;
}

function WireGroup({ wire, layout, cell, highlighted, backward }: DiagramProps & { wire: Wire; layout: Layout }) {
  const { id, name } = wire;
  const {
    path,
    at: [x, y],
    toGrad,
  } = layout.wires[id];
  const [value, grad] = [wire.value(cell), wire.grad(cell)];
  const classes = highlighted.includes(id) ? `lit ${backward ? 'back' : ''}` : '';
  const valuePlace = layout.stacked ? { x, dy: 16 } : { dx: 5 };
  return (
    <g class={`wire ${classes}`} data-wire={id}>
      <path d={path} />
      <text x={x} y={y} class="name">
        {name}
        {Number.isNaN(value) ? null : (
          <tspan class="value" {...valuePlace} data-value={value}>
            {formatNumber(value)}
          </tspan>
        )}
      </text>
      {backward && grad !== null && (
        <text x={x} y={y + toGrad} class="grad" data-grad={grad}>
          ∂ {formatNumber(grad)}
        </text>
      )}
    </g>
  );
}

export function Diagram(props: DiagramProps) {
  const { unit, t, c, h } = props.cell;
  const [box, width] = useWidth<HTMLDivElement>();
  const layout = width < MIN_WIDE ? NARROW : WIDE;
  return (
    <div ref={box}>
      <svg
        class={`diagram ${layout.stacked ? 'narrow' : ''}`}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        font-size={layout.fontSize}
        role="img"
        aria-label={`Unit ${unit} at step ${t}: c ${formatNumber(c.value)}, h ${formatNumber(h.value)}`}
      >
        {WIRES.map((wire) => (
          <WireGroup key={wire.id} wire={wire} layout={layout} {...props} />
        ))}
        <Node layout={layout} at="kept" symbol="×" title="times the forget gate" />
        <Node layout={layout} at="sum" symbol="+" title="kept plus written" />
        <Node layout={layout} at="written" symbol="×" title="input gate times candidate" />
        <Node layout={layout} at="output" symbol="×" title="output gate times tanh c" />
        <Box layout={layout} at="tanh" symbol="tanh" />
        {GATES.map((gate) => (
          <Box key={gate} layout={layout} at={gate} symbol={gate === 'g' ? 'tanh' : 'σ'} />
        ))}
      </svg>
    </div>
  );
}
