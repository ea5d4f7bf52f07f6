#include "metadata.h"

#include <vsserror.h>

#include "counted.h"

namespace stand_in {

namespace {

HRESULT give(BSTR *text, const std::wstring &value) {
    *text = SysAllocString(value.c_str());
    return *text == nullptr ? E_OUTOFMEMORY : S_OK;
}

/* The header gives some interfaces an id of zeros, so that they cannot be asked for; nobody does. */
class Files final : public Counted<IVssWMFiledesc> {
   public:
    explicit Files(const std::wstring &files) : folder_(files.substr(0, files.find(L'|'))), names_(files.substr(files.find(L'|') + 1)) {}

    STDMETHODIMP GetPath(BSTR *path) override { return give(path, folder_); }
    STDMETHODIMP GetFilespec(BSTR *names) override { return give(names, names_); }
    STDMETHODIMP GetRecursive(boolean *is_recursive) override {
        *is_recursive = FALSE;
        return S_OK;
    }
    STDMETHODIMP GetAlternateLocation(BSTR *location) override {
        *location = nullptr;
        return S_FALSE;
    }
    STDMETHODIMP GetBackupTypeMask(DWORD *mask) override {
        *mask = VSS_FSBT_ALL_BACKUP_REQUIRED | VSS_FSBT_ALL_SNAPSHOT_REQUIRED;
        return S_OK;
    }

   private:
    std::wstring folder_;
    std::wstring names_;
};

class WriterComponent final : public Counted<IVssWMComponent> {
   public:
    explicit WriterComponent(const Component &component) : component_(component) {}

    STDMETHODIMP GetComponentInfo(PVSSCOMPONENTINFO *told) override {
        auto *info = new VSS_COMPONENTINFO{};
        UINT files = static_cast<UINT>(component_.files.size());
        info->type = component_.is_database ? VSS_CT_DATABASE : VSS_CT_FILEGROUP;
        /* Null where the writer has named none, as in Windows. */
        if (!component_.logical_path.empty()) give(&info->bstrLogicalPath, component_.logical_path);
        give(&info->bstrComponentName, component_.name);
        info->bSelectable = component_.is_selectable;
        info->cFileCount = component_.is_database ? 0 : files;
        info->cDatabases = component_.is_database ? files : 0;
        *told = info;
        return S_OK;
    }

    STDMETHODIMP FreeComponentInfo(PVSSCOMPONENTINFO info) override {
        SysFreeString(info->bstrLogicalPath);
        SysFreeString(info->bstrComponentName);
        delete info;
        return S_OK;
    }

    STDMETHODIMP GetFile(UINT index, IVssWMFiledesc **files) override { return file(!component_.is_database, index, files); }
    STDMETHODIMP GetDatabaseFile(UINT index, IVssWMFiledesc **files) override { return file(component_.is_database, index, files); }
    STDMETHODIMP GetDatabaseLogFile(UINT index, IVssWMFiledesc **files) override { return file(false, index, files); }
    STDMETHODIMP GetDependency(UINT, IVssWMDependency **dependency) override {
        *dependency = nullptr;
        return VSS_E_OBJECT_NOT_FOUND;
    }

   private:
    HRESULT file(bool is_its_kind, UINT index, IVssWMFiledesc **files) {
        *files = nullptr;
        if (!is_its_kind || index >= component_.files.size()) return VSS_E_OBJECT_NOT_FOUND;
        *files = new Files(component_.files[index]);
        return S_OK;
    }

    Component component_;
};

class WriterMetadata final : public Counted<IVssExamineWriterMetadata> {
   public:
    explicit WriterMetadata(const Writer &writer)
        : class_id_(writer.class_id), instance_(writer.instance), name_(writer.name), components_(writer.components) {}

    STDMETHODIMP GetIdentity(VSS_ID *instance, VSS_ID *class_id, BSTR *name, VSS_USAGE_TYPE *usage, VSS_SOURCE_TYPE *source) override {
        *instance = instance_;
        *class_id = class_id_;
        *usage = VSS_UT_USERDATA;
        *source = VSS_ST_TRANSACTEDDB;
        return give(name, name_);
    }

    STDMETHODIMP GetFileCounts(UINT *included, UINT *excluded, UINT *components) override {
        *included = 0;
        *excluded = 0;
        *components = static_cast<UINT>(components_.size());
        return S_OK;
    }

    STDMETHODIMP GetComponent(UINT index, IVssWMComponent **component) override {
        *component = nullptr;
        if (index >= components_.size()) return VSS_E_OBJECT_NOT_FOUND;
        *component = new WriterComponent(components_[index]);
        return S_OK;
    }

    STDMETHODIMP GetBackupSchema(DWORD *schema) override {
        *schema = VSS_BS_COPY;
        return S_OK;
    }

    STDMETHODIMP GetIncludeFile(UINT, IVssWMFiledesc **) override { return VSS_E_OBJECT_NOT_FOUND; }
    STDMETHODIMP GetExcludeFile(UINT, IVssWMFiledesc **) override { return VSS_E_OBJECT_NOT_FOUND; }
    STDMETHODIMP GetRestoreMethod(VSS_RESTOREMETHOD_ENUM *, BSTR *, BSTR *, VSS_WRITERRESTORE_ENUM *, boolean *, UINT *) override {
        return E_NOTIMPL;
    }
    STDMETHODIMP GetAlternateLocationMapping(UINT, IVssWMFiledesc **) override { return E_NOTIMPL; }
    STDMETHODIMP GetDocument(IXMLDOMDocument **) override { return E_NOTIMPL; }
    STDMETHODIMP SaveAsXML(BSTR *) override { return E_NOTIMPL; }
    STDMETHODIMP LoadFromXML(BSTR) override { return E_NOTIMPL; }

   private:
    GUID class_id_;
    GUID instance_;
    std::wstring name_;
    std::vector<Component> components_;
};

}  // namespace

IVssExamineWriterMetadata *metadata_of(const Writer &writer) { return new WriterMetadata(writer); }

}  // namespace stand_in
