// Asks a served model for predictions over REST, without any package:
// node export/clients/rest.mjs http://localhost:8501 MODEL TEXT [TEXT …]

export async function predict(url, model, texts, { timeout = 5000, signatureName = "serving_default" } = {}) {
  const response = await fetch(`${url}/v1/models/${encodeURIComponent(model)}:predict`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ signature_name: signatureName, instances: texts }),
    signal: AbortSignal.timeout(timeout), // no call without a deadline
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${answer.error}`);
  return answer.predictions;
}

if (process.argv[1] === import.meta.filename) {
  const [url, model, ...texts] = process.argv.slice(2);
  try {
    for (const row of await predict(url, model, texts)) console.log(JSON.stringify(row));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
