/** The papers that the experiments are about, each cited in full once. */

/** A paper. */
export interface Paper {
  /** The names in texts, as in `Menick et al. 2020`. */
  readonly short: string;
  /** Authors, title and venue. */
  readonly full: string;
  /** Where to read it; null if only in print. */
  readonly url: string | null;
}

const paper = (short: string, full: string, url: string | null = null): Paper => ({ short, full, url });
const arxiv = (id: string): string => `https://arxiv.org/abs/${id}`;

export const PAPERS = {
  artbp: paper(
    'Tallec & Ollivier 2017',
    'C. Tallec, Y. Ollivier: Unbiasing Truncated Backpropagation Through Time. 2017, arXiv:1705.08209.',
    arxiv('1705.08209'),
  ),
  uoro: paper(
    'Tallec & Ollivier 2018',
    'C. Tallec, Y. Ollivier: Unbiased Online Recurrent Optimization. ICLR 2018, arXiv:1702.05043. Code: github.com/ctallec/uoro.',
    arxiv('1702.05043'),
  ),
  pes: paper(
    'Vicol et al. 2021',
    'P. Vicol, L. Metz, J. Sohl-Dickstein: Unbiased Gradient Estimation in Unrolled Computation Graphs with Persistent Evolution Strategies. ICML 2021, arXiv:2112.13835.',
    arxiv('2112.13835'),
  ),
  checkpointing: paper(
    'Gruslys et al. 2016',
    'A. Gruslys, R. Munos, I. Danihelka, M. Lanctot, A. Graves: Memory-Efficient Backpropagation Through Time. NeurIPS 2016, arXiv:1606.03401.',
    arxiv('1606.03401'),
  ),
  revolve: paper(
    'Griewank & Walther 2000',
    'A. Griewank, A. Walther: Algorithm 799: Revolve, an Implementation of Checkpointing for the Reverse or Adjoint Mode of Computational Differentiation. ACM Transactions on Mathematical Software 26(1), 2000.',
    'https://doi.org/10.1145/347837.347846',
  ),
  sublinear: paper(
    'Chen et al. 2016',
    'T. Chen, B. Xu, C. Zhang, C. Guestrin: Training Deep Nets with Sublinear Memory Cost. 2016, arXiv:1604.06174.',
    arxiv('1604.06174'),
  ),
  adaptive: paper(
    'Aicher et al. 2019',
    'C. Aicher, N. J. Foti, E. B. Fox: Adaptively Truncating Backpropagation Through Time to Control Gradient Bias. UAI 2019, arXiv:1905.07473.',
    arxiv('1905.07473'),
  ),
  snap: paper(
    'Menick et al. 2020',
    'J. Menick, E. Elsen, U. Evci, S. Osindero, K. Simonyan, A. Graves: A Practical Sparse Approximation for Real Time Recurrent Learning. 2020, arXiv:2006.07232.',
    arxiv('2006.07232'),
  ),
  deer: paper(
    'Lim et al. 2023',
    'Y. H. Lim, Q. Zhu, J. Selfridge, M. F. Kasim: Parallelizing Non-Linear Sequential Models over the Sequence Length. ICLR 2024, arXiv:2309.12252.',
    arxiv('2309.12252'),
  ),
  copy: paper(
    'Arjovsky et al. 2016',
    'M. Arjovsky, A. Shah, Y. Bengio: Unitary Evolution Recurrent Neural Networks. ICML 2016, arXiv:1511.06464.',
    arxiv('1511.06464'),
  ),
} as const;
