/** A program. Long lines are wrapped, with a deeper indentation than the line itself. */

/** Spaces at the beginning of a line. */
const indentOf = (line: string): number => line.length - line.trimStart().length;

export const Code = ({ children }: { children: string }) => (
  <pre class="code">
    <code>
      {children.split('\n').map((line, i) => (
        <span key={i} style={{ '--indent': `${indentOf(line)}ch` }}>
          {line || ' '}
        </span>
      ))}
    </code>
  </pre>
);
