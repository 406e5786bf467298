"""/registry, /areas, /organisations, /plans: where cameras are and whose they are.

Everybody reads of it what their scope holds; administrators of everything change it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from fastapi import Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.api.nodes import CameraName, NodeName
from hub.api.registry_models import (
    AreaAnswer,
    AreaIn,
    CameraIn,
    OrganisationAnswer,
    OrganisationIn,
    PlaceIn,
    PlanAnswer,
    RegisteredCamera,
    RegistryAnswer,
)
from hub.api.route import GuardedRoute, Who
from hub.archive import Archive
from hub.archive.registry_values import Camera, Registry
from hub.archive.scope import Scope
from hub.archive.values import CameraKey
from hub.clipstore import FileClipStore
from hub.registry import edit, picture, plans, present
from hub.registry.edit import Change, RegistryError
from hub.registry.picture import PictureError
from hub.registry.rules import CODE_PATTERN, MAX_NAME
from hub.web.answers import HttpError
from hub.web.door import Door
from hub.web.files import file_answer
from hub.web.registry_trail import RegistryTrail

TAG = "registry"
T = TypeVar("T")
Code = Annotated[str, Path(pattern=f"^{CODE_PATTERN}$")]
Kind = Literal["area", "organisation", "plan"]
PICTURE: dict[str, object] = {"content": {"image/png": {}, "image/jpeg": {}}}


class RegistryApi:
    """The routes."""

    def __init__(self, door: Door, archive: Archive, pictures: FileClipStore) -> None:
        """`pictures` holds those of plans."""
        self._door = door
        self._archive = archive
        self._pictures = pictures

    def routes(self) -> list[BaseRoute]:
        """What to mount."""
        camera = "/nodes/{node}/cameras/{camera}"
        plan = "/plans/{code}"
        return [
            GuardedRoute("/registry", self.show_registry, door=self._door, needs="viewer", tag=TAG),
            self._change("/areas/{code}", self.put_area, "PUT"),
            self._change("/areas/{code}", self.remove_area, "DELETE", status_code=204),
            self._change("/organisations/{code}", self.put_organisation, "PUT"),
            self._change("/organisations/{code}", self.remove_organisation, "DELETE", 204),
            self._change(camera, self.remove_camera, "DELETE", 204),
            self._change(f"{camera}/title", self.title_camera, "PUT"),
            self._change(f"{camera}/places", self.place_camera, "POST"),
            self._change(plan, self.put_plan, "PUT", max_body_bytes=picture.MAX_BYTES),
            self._change(plan, self.remove_plan, "DELETE", 204),
            GuardedRoute(
                f"{plan}/picture", self.plan_picture, door=self._door, needs="viewer", tag=TAG,
                errors=(404,), responses={200: {"description": "The picture.", **PICTURE}},
                response_class=Response,
            ),
        ]  # fmt: skip

    def _change(
        self, path: str, endpoint: Callable[..., object], method: str, status_code: int = 200,
        max_body_bytes: int = 64 * 1024,
    ) -> GuardedRoute:  # fmt: skip
        return GuardedRoute(
            path, endpoint, door=self._door, needs="administrator", is_for_all=True, tag=TAG,
            method=method, status_code=status_code, max_body_bytes=max_body_bytes,
        )  # fmt: skip

    async def show_registry(self, visitor: Who) -> RegistryAnswer:
        """The areas, organisations, cameras and plans that the visitor may see."""
        return await run_in_threadpool(self._registry, visitor.scope)

    async def put_area(
        self, request: Request, visitor: Who, code: Code, given: AreaIn
    ) -> AreaAnswer:
        """Add the area of that code, or change it. An area that is no more is ended rather than
        removed, so that its past stays right."""
        area = given.value(code)
        await self._write(request, visitor, f"area:{code}", lambda now: edit.put_area(now, area))
        return AreaAnswer.of(area)

    async def remove_area(self, request: Request, visitor: Who, code: Code) -> None:
        """Remove an area that nothing refers to."""
        await self._remove(request, visitor, "area", code)

    async def put_organisation(
        self, request: Request, visitor: Who, code: Code, given: OrganisationIn
    ) -> OrganisationAnswer:
        """Add the organisation of that code, or change it."""
        each = given.value(code)
        await self._write(
            request, visitor, f"organisation:{code}", lambda now: edit.put_organisation(now, each)
        )
        return OrganisationAnswer.of(each)

    async def remove_organisation(self, request: Request, visitor: Who, code: Code) -> None:
        """Remove an organisation that nothing refers to."""
        await self._remove(request, visitor, "organisation", code)

    async def remove_camera(
        self, request: Request, visitor: Who, node: NodeName, camera: CameraName
    ) -> None:
        """Take out a camera that was registered by mistake, and of which there is no footage."""
        key = CameraKey(node, camera)
        await self._write(
            request, visitor, f"camera:{node}/{camera}", lambda now: edit.remove_camera(now, key)
        )

    async def title_camera(
        self, request: Request, visitor: Who, node: NodeName, camera: CameraName, given: CameraIn
    ) -> RegisteredCamera:
        """Say what people call the camera; registers one that was not heard of yet."""
        key = CameraKey(node, camera)

        def how(now: Registry) -> Registry:
            places = () if (known := now.camera(key)) is None else known.places
            return edit.put_camera(now, Camera(node, camera, given.title, places))

        return await self._write_camera(request, visitor, key, how)

    async def place_camera(
        self, request: Request, visitor: Who, node: NodeName, camera: CameraName, given: PlaceIn
    ) -> RegisteredCamera:
        """Put the camera there from a time on; later places go. What it saw before stays with the
        places of that time."""
        key = CameraKey(node, camera)
        return await self._write_camera(
            request, visitor, key, lambda now: edit.place_camera(now, key, given.value)
        )

    async def put_plan(
        self,
        request: Request,
        visitor: Who,
        code: Code,
        name: Annotated[str, Query(min_length=1, max_length=MAX_NAME)],
        area: Annotated[str | None, Query(pattern=f"^{CODE_PATTERN}$")] = None,
    ) -> PlanAnswer:
        """Keep the request's body, a PNG or JPEG, as the plan of that code."""
        content = await request.body()
        plan = await self._try(
            request, visitor, f"plan:{code}",
            lambda: plans.keep(self._archive, self._pictures, code, name, area, content),
        )  # fmt: skip
        return PlanAnswer.of(plan)

    async def remove_plan(self, request: Request, visitor: Who, code: Code) -> None:
        """Remove a plan that no camera is on."""
        await self._remove(request, visitor, "plan", code)

    async def plan_picture(self, request: Request, visitor: Who, code: Code) -> Response:
        """A plan's picture."""
        found = await run_in_threadpool(self._registry, visitor.scope)
        for plan in found.plans:
            if plan.code == code:
                path = self._pictures.path_of(plan.sha256)
                return await run_in_threadpool(
                    file_answer, request, path, plan.sha256, plan.media_type
                )
        raise HttpError(404, "not_found", "there is no such plan, or it is outside of your scope")

    def _registry(self, scope: Scope) -> RegistryAnswer:
        known, now_utc = self._archive.registry(), self._door.now_utc()
        registry = present.visible_registry(known, scope, now_utc)
        return RegistryAnswer(
            areas=[AreaAnswer.of(each) for each in registry.areas],
            organisations=[OrganisationAnswer.of(each) for each in registry.organisations],
            plans=[PlanAnswer.of(each) for each in registry.plans],
            cameras=[RegisteredCamera.of(each) for each in registry.cameras],
        )

    async def _remove(self, request: Request, visitor: Who, what: Kind, code: str) -> None:
        await self._write(
            request, visitor, f"{what}:{code}", lambda now: edit.remove(now, what, code)
        )

    async def _write_camera(
        self, request: Request, visitor: Who, key: CameraKey, how: Change
    ) -> RegisteredCamera:
        after = await self._write(request, visitor, f"camera:{key.node}/{key.camera}", how)
        found = after.camera(key)
        if found is None:
            raise HttpError(404, "not_found", "the camera was removed meanwhile")
        return RegisteredCamera.of(found)

    async def _write(self, request: Request, visitor: Who, target: str, how: Change) -> Registry:
        return await self._try(request, visitor, target, lambda: edit.change(self._archive, how))

    async def _try(
        self, request: Request, visitor: Who, target: str, function: Callable[[], T]
    ) -> T:
        """Change something. Raises HttpError 422 where it is refused."""
        trail = RegistryTrail(self._door.trail)
        try:
            return await trail.attempt(request, visitor, target, request.method, function)
        except (PictureError, RegistryError) as err:
            raise HttpError(422, "registry", str(err)) from err
