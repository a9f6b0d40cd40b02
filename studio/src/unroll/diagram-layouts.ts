/** Where the diagram draws its nodes and wires: side by side on a wide page, closer together and with larger text on a phone. */
import type { WireId } from './wires.js';

type Point = readonly [x: number, y: number];

export interface WirePlace {
  /** An SVG path, in the direction of the forward pass. */
  readonly path: string;
  /** Where the label starts. */
  readonly at: Point;
  /** From the label to the gradient, downwards. */
  readonly toGrad: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly fontSize: number;
  /** Whether the value is written below the name, not beside it. */
  readonly stacked: boolean;
  readonly radius: number;
  readonly boxWidth: number;
  readonly nodes: Readonly<Record<'kept' | 'sum' | 'written' | 'output', Point>>;
  readonly boxes: Readonly<Record<'tanh' | 'f' | 'i' | 'g' | 'o', Point>>;
  readonly wires: Readonly<Record<WireId, WirePlace>>;
}

const place = (path: string, at: Point, toGrad: number): WirePlace => ({ path, at, toGrad });

export const WIDE: Layout = {
  width: 800,
  height: 500,
  fontSize: 17,
  stacked: false,
  radius: 18,
  boxWidth: 60,
  nodes: { kept: [150, 70], sum: [360, 70], written: [360, 210], output: [640, 230] },
  boxes: { tanh: [640, 130], f: [150, 350], i: [300, 350], g: [420, 350], o: [560, 350] },
  wires: {
    cBefore: place('M10 70H132', [10, 52], 38),
    kept: place('M168 70H342', [190, 52], 38),
    written: place('M360 192V88', [368, 132], 21),
    c: place('M378 70H790', [680, 52], 38),
    tanhC: place('M640 70V112M640 148V212', [648, 174], 21),
    f: place('M150 328V88', [158, 230], 21),
    i: place('M300 328V210H342', [308, 290], 21),
    g: place('M420 328V210H378', [428, 290], 21),
    o: place('M560 328V230H622', [568, 290], 21),
    h: place('M658 230H790', [680, 222], 27),
    af: place('M150 430V372', [158, 400], 21),
    ai: place('M300 430V372', [308, 400], 21),
    ag: place('M420 430V372', [428, 400], 21),
    ao: place('M560 430V372', [568, 400], 21),
    hBefore: place('M10 430H560', [10, 420], 29),
    x: place('M300 492V430', [308, 478], 0),
  },
};

export const NARROW: Layout = {
  width: 372,
  height: 586,
  fontSize: 13,
  stacked: true,
  radius: 16,
  boxWidth: 52,
  nodes: { kept: [36, 96], sum: [159, 96], written: [159, 196], output: [270, 250] },
  boxes: { tanh: [270, 140], f: [36, 422], i: [118, 422], g: [200, 422], o: [282, 422] },
  wires: {
    cBefore: place('M4 96H20', [6, 18], 32),
    kept: place('M52 96H143', [60, 70], 44),
    written: place('M159 180V112', [167, 134], 32),
    c: place('M175 96H368', [290, 57], 32),
    tanhC: place('M270 96V122M270 158V234', [278, 177], 32),
    f: place('M36 404V112', [44, 240], 32),
    i: place('M118 404V196H143', [126, 346], 32),
    g: place('M200 404V196H175', [208, 346], 32),
    o: place('M282 404V330H270V266', [290, 346], 32),
    h: place('M286 250H368', [294, 270], 32),
    af: place('M36 510V440', [44, 460], 32),
    ai: place('M118 510V440', [126, 460], 32),
    ag: place('M200 510V440', [208, 460], 32),
    ao: place('M282 510V440', [290, 460], 32),
    hBefore: place('M4 510H282', [6, 530], 32),
    x: place('M118 580V510', [126, 550], 0),
  },
};

/** A narrower diagram than this, in pixels, is drawn in the narrow layout. */
export const MIN_WIDE = 560;
