/** Saves pictures, tables and models as files. */

export function saveFile(content: BlobPart, type: string, name: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const fileName = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** An SVG that does not depend on the page: with its namespace, and with the page's colors. */
function standalone(svg: SVGSVGElement): { text: string; width: number; height: number } {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const { color, backgroundColor } = getComputedStyle(document.body);
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.style.color = color;
  copy.style.background = backgroundColor;
  copy.style.fontFamily = 'system-ui, sans-serif';
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

export function saveSvg(svg: SVGSVGElement, title: string): void {
  saveFile(standalone(svg).text, 'image/svg+xml', `${fileName(title)}.svg`);
}

export async function savePng(svg: SVGSVGElement, title: string): Promise<void> {
  const { text, width, height } = standalone(svg);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  saveCanvas(canvas, title);
}

export function saveCanvas(canvas: HTMLCanvasElement, title: string): void {
  canvas.toBlob((blob) => {
    if (blob) saveFile(blob, 'image/png', `${fileName(title)}.png`);
  }, 'image/png');
}

export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export async function saveCsv({ columns, rows }: CsvTable, title: string): Promise<void> {
  const { csvFormatRows } = await import('d3-dsv');
  saveFile(csvFormatRows([columns, ...rows].map((row) => row.map(String))), 'text/csv', `${fileName(title)}.csv`);
}
