export default function Unroll() {
  return <p class="waiting">…</p>;
}
