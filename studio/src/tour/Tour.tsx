export default function Tour() {
  return <p class="tour waiting">…</p>;
}
