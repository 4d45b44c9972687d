// Asks a served model for predictions over gRPC:
//
// python export/clients/write_descriptors.py prediction_service.binpb
// npm install @grpc/grpc-js @grpc/proto-loader
// node export/clients/grpc.mjs prediction_service.binpb localhost:8500 MODEL TEXT [TEXT …]

import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const DT_STRING = 7;

export class Client {
  constructor(descriptors, address, credentials = grpc.credentials.createInsecure()) {
    const definition = protoLoader.loadFileDescriptorSetFromBuffer(readFileSync(descriptors), { keepCase: true });
    const { PredictionService } = grpc.loadPackageDefinition(definition).tensorflow.serving;
    this.service = new PredictionService(address, credentials);
  }

  // The outputs by name, each as one flat list of strings or numbers, row after row.
  predict(model, texts, { timeout = 5000, signatureName = "serving_default" } = {}) {
    const text = {
      dtype: DT_STRING,
      tensor_shape: { dim: [{ size: texts.length }] },
      string_val: texts.map((each) => Buffer.from(each, "utf8")),
    };
    // With descriptors, proto-loader takes a map as it is on the wire: a list of entries.
    const request = {
      model_spec: { name: model, signature_name: signatureName },
      inputs: [{ key: "text", value: text }],
    };
    return new Promise((resolve, reject) => {
      this.service.Predict(request, { deadline: Date.now() + timeout }, (error, response) => {
        if (error) return reject(error);
        const values = ({ string_val, float_val, int_val }) =>
          string_val?.length ? string_val.map(String) : float_val?.length ? float_val : int_val;
        resolve(Object.fromEntries(response.outputs.map(({ key, value }) => [key, values(value)])));
      });
    });
  }

  close() {
    this.service.close();
  }
}

const [descriptors, address, model, ...texts] = process.argv.slice(2);
const client = new Client(descriptors, address);
try {
  console.log(JSON.stringify(await client.predict(model, texts)));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
client.close();
