import { fromOnnx, onnxTensors, toModelFile } from 'unspool/interop';

/** Reads silero_vad_16k_op15.onnx: its LSTM as a model file, and the weights of its convolutions. */
export const readModel = (bytes) => ({
  model: toModelFile(fromOnnx(bytes, { node: '/model/decoder/rnn/LSTM' })),
  tensors: onnxTensors(bytes),
});
