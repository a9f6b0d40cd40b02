export default function Look() {
  return <p class="waiting">…</p>;
}
