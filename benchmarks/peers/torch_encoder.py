"""PyTorch `transformers`: batches padded to their longest text, mean of the tokens.

Settings: checkpoint, dtype, threads.
"""

import encoders
import protocol


def open_(settings):
    import torch
    import transformers

    torch.set_num_threads(settings["threads"])
    model = transformers.AutoModel.from_pretrained(settings["checkpoint"], dtype=getattr(torch, settings["dtype"]))
    model = model.eval()
    tokens = encoders.tokenizer(settings["checkpoint"])

    @torch.inference_mode()
    def of_ids(ids):
        ids = torch.from_numpy(ids).long()
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state

    @torch.inference_mode()
    def of_texts(texts):
        ids, mask = map(torch.tensor, tokens(texts))
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weights = mask[..., None].float()
        return torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1)).numpy()

    return encoders.begin(of_texts, of_ids)


if __name__ == "__main__":
    protocol.run(open_)
