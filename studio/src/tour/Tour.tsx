export default function Tour() {
  return <p class="waiting">…</p>;
}
