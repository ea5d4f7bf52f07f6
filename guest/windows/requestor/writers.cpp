#include "writers.h"

#include "com-pointer.h"
#include "volumes.h"
#include "vss-async.h"

namespace snaphook {

namespace {

using FileReader = HRESULT (STDMETHODCALLTYPE IVssWMComponent::*)(UINT, IVssWMFiledesc **);

HRESULT read_places(IVssWMComponent *component, FileReader read_file, UINT count, std::vector<Place> *places) {
    for (UINT i = 0; i < count; i++) {
        ComPointer<IVssWMFiledesc> file;
        ComText path;
        HRESULT result = (component->*read_file)(i, file.out());
        if (SUCCEEDED(result)) result = file->GetPath(path.out());
        if (FAILED(result)) return result;
        places->push_back(find_place(path.copy()));
    }
    return S_OK;
}

HRESULT read_component(IVssWMComponent *component, Component *read) {
    PVSSCOMPONENTINFO info = nullptr;
    HRESULT result = component->GetComponentInfo(&info);
    if (FAILED(result)) return result;
    read->type = info->type;
    if (info->bstrLogicalPath != nullptr) read->logical_path = info->bstrLogicalPath;
    if (info->bstrComponentName != nullptr) read->name = info->bstrComponentName;
    read->selectable = info->bSelectable;
    UINT files = info->cFileCount, databases = info->cDatabases, logs = info->cLogFiles;
    component->FreeComponentInfo(info);
    result = read_places(component, &IVssWMComponent::GetFile, files, &read->places);
    if (SUCCEEDED(result)) result = read_places(component, &IVssWMComponent::GetDatabaseFile, databases, &read->places);
    if (SUCCEEDED(result)) result = read_places(component, &IVssWMComponent::GetDatabaseLogFile, logs, &read->places);
    return result;
}

HRESULT read_writer(IVssExamineWriterMetadata *metadata, WriterMetadata *writer) {
    UINT included = 0, excluded = 0, components = 0;
    ComText name;
    VSS_USAGE_TYPE usage;
    VSS_SOURCE_TYPE source;
    HRESULT result = metadata->GetIdentity(&writer->instance, &writer->id, name.out(), &usage, &source);
    if (SUCCEEDED(result)) result = metadata->GetFileCounts(&included, &excluded, &components);
    for (UINT i = 0; SUCCEEDED(result) && i < components; i++) {
        ComPointer<IVssWMComponent> component;
        writer->components.emplace_back();
        result = metadata->GetComponent(i, component.out());
        if (SUCCEEDED(result)) result = read_component(component.get(), &writer->components.back());
    }
    return result;
}

}  // namespace

HRESULT read_writer_metadata(IVssBackupComponents *backup, std::vector<WriterMetadata> *writers) {
    UINT count = 0;
    HRESULT result = backup->GetWriterMetadataCount(&count);
    for (UINT i = 0; SUCCEEDED(result) && i < count; i++) {
        ComPointer<IVssExamineWriterMetadata> metadata;
        VSS_ID instance;
        writers->emplace_back();
        result = backup->GetWriterMetadata(i, &instance, metadata.out());
        if (SUCCEEDED(result)) result = read_writer(metadata.get(), &writers->back());
    }
    return result;
}

HRESULT read_writer_status(IVssBackupComponents *backup, HANDLE cancel, std::vector<WriterStatus> *writers) {
    ComPointer<IVssAsync> async;
    UINT count = 0;
    HRESULT result = backup->GatherWriterStatus(async.out());
    if (SUCCEEDED(result)) result = wait_for_end(async.get(), cancel);
    if (SUCCEEDED(result)) result = backup->GetWriterStatusCount(&count);
    if (FAILED(result)) return result;
    writers->clear();
    for (UINT i = 0; SUCCEEDED(result) && i < count; i++) {
        WriterStatus writer;
        ComText name;
        VSS_WRITER_STATE state = VSS_WS_UNKNOWN;
        result = backup->GetWriterStatus(i, &writer.instance, &writer.id, name.out(), &state, &writer.failure);
        writer.name = name.copy();
        writer.state = state;
        if (SUCCEEDED(result)) writers->push_back(writer);
    }
    backup->FreeWriterStatus();
    return result;
}

}  // namespace snaphook
