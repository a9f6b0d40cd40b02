/** Where the `.keras` format has the weights of layers: in groups of `layers` that Keras names by their class and number. */

/** Where the variables of a layer are in its group; `vars` for other classes. */
export const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  LSTM: ['cell/vars'],
  Bidirectional: ['forward_layer/cell/vars', 'backward_layer/cell/vars'],
  TimeDistributed: ['layer/vars'],
};

/** `TimeDistributed` as Keras writes it: `time_distributed`. */
const snakeCase = (name: string): string =>
  name
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

/** The groups of layers by the layers' names: `lstm`, `lstm_1`. */
export function groupNames(
  layers: readonly { readonly name: string; readonly className: string }[],
): Map<string, string> {
  const counts = new Map<string, number>();
  return new Map(
    layers.map(({ name, className }) => {
      const base = snakeCase(className);
      const count = counts.get(base) ?? 0;
      counts.set(base, count + 1);
      return [name, count === 0 ? base : `${base}_${count}`];
    }),
  );
}
