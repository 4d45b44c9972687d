"""TF Serving's methods that ask about models or change which are loaded: no prediction.

Messages are those of tensorflow/serving: model_servers/get_model_status_impl.cc and model_service_impl.cc,
servables/tensorflow/get_model_metadata_impl.cc.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_management_pb2

from tfbert.errors import ServingError
from tfbert.serving.host import event_loop
from tfbert.serving.models.manager import ModelManager
from tfbert.serving.models.versions import parse_model_config
from tfbert.serving.protocol.model_specs import check_name, check_spec
from tfbert.serving.protocol.status_codes import Code, StatusError, invalid


class ModelMethods:
    """GetModelMetadata, GetModelStatus and HandleReloadConfigRequest of one server.

    Args:
        reload_config: whether HandleReloadConfigRequest is answered; else it is PERMISSION_DENIED.

    >>> sorted(ModelMethods(models, reload_config=True).by_name())  # doctest: +SKIP
    ['GetModelMetadata', 'GetModelStatus', 'HandleReloadConfigRequest']
    """

    def __init__(self, models: ModelManager, *, reload_config: bool) -> None:
        self._models, self._may_reload = models, reload_config

    def by_name(self) -> dict[str, Callable[[Any, dict[str, Any]], Awaitable[Any]]]:
        """{method: what answers it}, given the request and the facts that are logged, to which it adds the model."""
        return {
            "GetModelMetadata": self._get_model_metadata,
            "GetModelStatus": self._get_model_status,
            "HandleReloadConfigRequest": self._reload_config,
        }

    async def _get_model_metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, facts: dict[str, Any]
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        check_spec(request)
        if not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        check_name(request.model_spec)
        with self._models.lease(request.model_spec) as served:
            facts.update(model=served.model, version=served.version)
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, definition in served.servable.definitions.items():
                signatures.signature_def[name].CopyFrom(definition)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = served.model
            response.model_spec.version.value = served.version
            response.metadata["signature_def"].Pack(signatures)
            return response

    async def _get_model_status(
        self, request: get_model_status_pb2.GetModelStatusRequest, facts: dict[str, Any]
    ) -> get_model_status_pb2.GetModelStatusResponse:
        check_spec(request)
        spec = request.model_spec
        choice, number = spec.WhichOneof("version_choice"), None
        if choice == "version":
            number = spec.version.value
        elif choice == "version_label":
            number = self._models.labelled(spec.name, spec.version_label)
            if number is None:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
        found = self._models.status(spec.name, number)
        if not found:
            what = "any versions" if number is None else f"version {number}"
            raise StatusError(Code.NOT_FOUND, f"Could not find {what} of model {spec.name}")
        facts["model"] = spec.name
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, state, error in found:
            status = {"error_code": Code.UNKNOWN, "error_message": error} if error else {}
            response.model_version_status.add(version=version, state=state, status=status)
        return response

    async def _reload_config(
        self, request: model_management_pb2.ReloadConfigRequest, facts: dict[str, Any]
    ) -> model_management_pb2.ReloadConfigResponse:
        if not self._may_reload:
            what = "HandleReloadConfigRequest is off on this server; --reload_config (reload_config=True) turns it on"
            raise StatusError(Code.PERMISSION_DENIED, what)
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        try:
            # Loading takes long, and the event loop has other requests to answer.
            await event_loop.in_daemon_thread(lambda: self._models.reload(parse_model_config(request.config)))
        except ServingError as error:
            raise StatusError(Code.FAILED_PRECONDITION, str(error)) from None
        response = model_management_pb2.ReloadConfigResponse()
        response.status.error_code = 0
        return response
