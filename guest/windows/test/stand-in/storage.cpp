#include "storage.h"

#include <winioctl.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "imports.h"
#include "knobs.h"
#include "locked.h"

namespace stand_in {

namespace {

struct Volume {
    std::wstring name;
    std::wstring mount_point;
    std::vector<std::wstring> disks;
    /* Without a file system that Windows can read. */
    bool is_raw;
};

std::vector<std::wstring> split(const std::wstring &text) {
    std::vector<std::wstring> parts;
    for (size_t begin = 0; begin < text.size();) {
        size_t end = std::min(text.find(L',', begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

std::vector<Volume> volumes() {
    Knobs knobs = Knobs::read();
    std::vector<Volume> all;
    for (int at = 0; knobs.has(nth(L"volume", at)); at += 1) {
        std::wstring key = nth(L"volume", at);
        all.push_back({knobs.text(key), knobs.text(key + L".mount"), split(knobs.text(key + L".disks")), knobs.has(key + L".raw")});
    }
    return all;
}

/* By number, as `\\.\PhysicalDriveN` counts them. */
std::vector<std::wstring> disks() {
    std::vector<std::wstring> all;
    for (const Volume &volume : volumes())
        for (const std::wstring &disk : volume.disks)
            if (std::find(all.begin(), all.end(), disk) == all.end()) all.push_back(disk);
    return all;
}

DWORD number_of(const std::wstring &disk) {
    std::vector<std::wstring> all = disks();
    return static_cast<DWORD>(std::find(all.begin(), all.end(), disk) - all.begin());
}

/* What an opened device is: a volume's name or a disk's serial. The handle is that of an event, so that anybody can close it. */
CRITICAL_SECTION devices_lock;
std::map<HANDLE, std::wstring> opened_volumes;
std::map<HANDLE, std::wstring> opened_disks;

HANDLE open(std::map<HANDLE, std::wstring> *opened, const std::wstring &device) {
    HANDLE handle = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    Locked locked(&devices_lock);
    opened_volumes.erase(handle);
    opened_disks.erase(handle);
    (*opened)[handle] = device;
    return handle;
}

std::wstring device_of(const std::map<HANDLE, std::wstring> &opened, HANDLE handle) {
    Locked locked(&devices_lock);
    auto found = opened.find(handle);
    return found == opened.end() ? L"" : found->second;
}

HANDLE WINAPI create_file(const wchar_t *path, DWORD access, DWORD share, SECURITY_ATTRIBUTES *security, DWORD disposition, DWORD flags, HANDLE like) {
    constexpr wchar_t DRIVE[] = L"\\\\.\\PhysicalDrive";
    for (const Volume &volume : volumes())
        if (volume.name == std::wstring(path) + L"\\") return open(&opened_volumes, volume.name);
    if (wcsncmp(path, DRIVE, wcslen(DRIVE)) == 0) {
        size_t number = wcstoul(path + wcslen(DRIVE), nullptr, 10);
        std::vector<std::wstring> all = disks();
        if (number < all.size()) return open(&opened_disks, all[number]);
    }
    return CreateFileW(path, access, share, security, disposition, flags, like);
}

BOOL WINAPI flush_file_buffers(HANDLE file) {
    std::wstring volume = device_of(opened_volumes, file);
    if (volume.empty()) return FlushFileBuffers(file);
    note(L"flush " + volume);
    return TRUE;
}

BOOL fail(DWORD error) {
    SetLastError(error);
    return FALSE;
}

/* IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS: their number always, the rest as far as there is room. */
BOOL tell_extents(const Volume &volume, BYTE *answer, DWORD capacity, DWORD *length) {
    size_t most = (capacity - offsetof(VOLUME_DISK_EXTENTS, Extents)) / sizeof(DISK_EXTENT);
    if (capacity < sizeof(VOLUME_DISK_EXTENTS)) return fail(ERROR_INSUFFICIENT_BUFFER);
    auto *extents = reinterpret_cast<VOLUME_DISK_EXTENTS *>(answer);
    extents->NumberOfDiskExtents = static_cast<DWORD>(volume.disks.size());
    for (size_t i = 0; i < std::min(most, volume.disks.size()); i++) {
        extents->Extents[i] = {};
        extents->Extents[i].DiskNumber = number_of(volume.disks[i]);
        extents->Extents[i].ExtentLength.QuadPart = 1 << 30;
    }
    if (most < volume.disks.size()) return fail(ERROR_MORE_DATA);
    *length = static_cast<DWORD>(offsetof(VOLUME_DISK_EXTENTS, Extents) + volume.disks.size() * sizeof(DISK_EXTENT));
    return TRUE;
}

/* As a VMware disk has its serial (page 80): in lower case, after a vendor and a product. */
std::vector<BYTE> described(const std::wstring &serial) {
    constexpr DWORD text_at = sizeof(STORAGE_DEVICE_DESCRIPTOR);
    std::vector<BYTE> answer(text_at);
    auto *descriptor = reinterpret_cast<STORAGE_DEVICE_DESCRIPTOR *>(answer.data());
    descriptor->Version = sizeof *descriptor;
    descriptor->BusType = BusTypeSas;
    descriptor->VendorIdOffset = text_at;
    descriptor->SerialNumberOffset = text_at + sizeof "VMware";
    descriptor->Size = static_cast<DWORD>(descriptor->SerialNumberOffset + serial.size() + 1);
    for (char c : std::string("VMware", sizeof "VMware")) answer.push_back(static_cast<BYTE>(c));
    for (wchar_t c : serial) answer.push_back(static_cast<BYTE>(c));
    answer.push_back(0);
    return answer;
}

/* Page 83 of a disk whose name in the test begins with `naa.`: a vendor's name first, then the one that counts. */
std::vector<BYTE> identified(const std::wstring &naa) {
    std::vector<BYTE> answer(offsetof(STORAGE_DEVICE_ID_DESCRIPTOR, Identifiers));
    auto add = [&answer](DWORD code_set, DWORD type, const std::vector<BYTE> &name) {
        STORAGE_IDENTIFIER identifier = {};
        identifier.CodeSet = static_cast<STORAGE_IDENTIFIER_CODE_SET>(code_set);
        identifier.Type = static_cast<STORAGE_IDENTIFIER_TYPE>(type);
        identifier.IdentifierSize = static_cast<USHORT>(name.size());
        identifier.NextOffset = static_cast<USHORT>((offsetof(STORAGE_IDENTIFIER, Identifier) + name.size() + 3) / 4 * 4);
        size_t at = answer.size();
        answer.resize(at + identifier.NextOffset);
        memcpy(answer.data() + at, &identifier, offsetof(STORAGE_IDENTIFIER, Identifier));
        memcpy(answer.data() + at + offsetof(STORAGE_IDENTIFIER, Identifier), name.data(), name.size());
    };
    std::vector<BYTE> name;
    for (size_t at = 0; at + 1 < naa.size(); at += 2) name.push_back(static_cast<BYTE>(wcstoul(naa.substr(at, 2).c_str(), nullptr, 16)));
    add(StorageIdCodeSetAscii, StorageIdTypeVendorId, {'V', 'M', 'w', 'a', 'r'});
    add(StorageIdCodeSetBinary, StorageIdTypeFCPHName, name);
    auto *descriptor = reinterpret_cast<STORAGE_DEVICE_ID_DESCRIPTOR *>(answer.data());
    *descriptor = {sizeof(STORAGE_DEVICE_ID_DESCRIPTOR), static_cast<DWORD>(answer.size()), 2, {0}};
    return answer;
}

BOOL tell_property(const std::wstring &disk, STORAGE_PROPERTY_ID property, BYTE *answer, DWORD capacity, DWORD *length) {
    constexpr wchar_t NAA[] = L"naa.";
    bool has_naa = disk.compare(0, wcslen(NAA), NAA) == 0;
    std::vector<BYTE> told;
    if (property == StorageDeviceProperty) told = described(has_naa ? L"" : disk);
    if (property == StorageDeviceIdProperty && has_naa) told = identified(disk.substr(wcslen(NAA)));
    if (told.empty()) return fail(ERROR_INVALID_FUNCTION);
    *length = std::min(capacity, static_cast<DWORD>(told.size()));
    memcpy(answer, told.data(), *length);
    return TRUE;
}

BOOL WINAPI device_io_control(HANDLE device, DWORD code, void *input, DWORD input_length, void *output, DWORD capacity, DWORD *length, OVERLAPPED *overlapped) {
    std::wstring volume = device_of(opened_volumes, device), disk = device_of(opened_disks, device);
    if (!volume.empty() && code == IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS)
        for (const Volume &known : volumes())
            if (known.name == volume) return tell_extents(known, static_cast<BYTE *>(output), capacity, length);
    if (!disk.empty() && code == IOCTL_STORAGE_QUERY_PROPERTY)
        return tell_property(disk, static_cast<STORAGE_PROPERTY_QUERY *>(input)->PropertyId, static_cast<BYTE *>(output), capacity, length);
    return DeviceIoControl(device, code, input, input_length, output, capacity, length, overlapped);
}

BOOL give(const std::wstring &text, wchar_t *buffer, DWORD capacity) {
    if (text.size() >= capacity) return fail(ERROR_FILENAME_EXCED_RANGE);
    wcscpy(buffer, text.c_str());
    return TRUE;
}

HANDLE WINAPI find_first_volume(wchar_t *name, DWORD capacity) {
    std::vector<Volume> all = volumes();
    if (all.empty()) return INVALID_HANDLE_VALUE;
    give(all[0].name, name, capacity);
    return reinterpret_cast<HANDLE>(new size_t(0));
}

BOOL WINAPI find_next_volume(HANDLE search, wchar_t *name, DWORD capacity) {
    std::vector<Volume> all = volumes();
    size_t at = ++*reinterpret_cast<size_t *>(search);
    return at < all.size() ? give(all[at].name, name, capacity) : fail(ERROR_NO_MORE_FILES);
}

BOOL WINAPI find_volume_close(HANDLE search) {
    delete reinterpret_cast<size_t *>(search);
    return TRUE;
}

UINT WINAPI get_drive_type(const wchar_t *) { return DRIVE_FIXED; }

BOOL WINAPI get_volume_information(const wchar_t *name, wchar_t *, DWORD, DWORD *, DWORD *, DWORD *, wchar_t *file_system, DWORD capacity) {
    for (const Volume &volume : volumes())
        if (volume.name == name && volume.is_raw) return fail(ERROR_UNRECOGNIZED_VOLUME);
    return give(L"NTFS", file_system, capacity);
}

/* Two zeros end the list. */
BOOL WINAPI get_volume_path_names(const wchar_t *name, wchar_t *names, DWORD capacity, DWORD *length) {
    for (const Volume &volume : volumes()) {
        if (volume.name != name) continue;
        *length = static_cast<DWORD>(volume.mount_point.size() + 2);
        if (capacity < *length) return fail(ERROR_MORE_DATA);
        memset(names, 0, *length * sizeof *names);
        wcscpy(names, volume.mount_point.c_str());
        return TRUE;
    }
    return fail(ERROR_FILE_NOT_FOUND);
}

/* The deepest mount point; of a path that is on none, its drive. */
BOOL WINAPI get_volume_path_name(const wchar_t *path, wchar_t *mount_point, DWORD capacity) {
    std::wstring deepest = std::wstring(path).substr(0, 3);
    for (const Volume &volume : volumes()) {
        size_t length = volume.mount_point.size();
        std::wstring folder = std::wstring(path) + L"\\";
        if (length > 0 && length >= deepest.size() && _wcsnicmp(folder.c_str(), volume.mount_point.c_str(), length) == 0) deepest = volume.mount_point;
    }
    return give(deepest, mount_point, capacity);
}

BOOL WINAPI get_volume_name(const wchar_t *mount_point, wchar_t *name, DWORD capacity) {
    for (const Volume &volume : volumes())
        if (_wcsicmp(volume.mount_point.c_str(), mount_point) == 0) return give(volume.name, name, capacity);
    return fail(ERROR_PATH_NOT_FOUND);
}

template <class Function>
void serve_import(HMODULE module, Function *original, Function *replacement) {
    replace_import(module, reinterpret_cast<void *>(original), reinterpret_cast<void *>(replacement));
}

}  // namespace

void serve_storage(HMODULE module) {
    static bool is_ready = false;
    if (!is_ready) InitializeCriticalSection(&devices_lock);
    is_ready = true;
    serve_import(module, CreateFileW, create_file);
    serve_import(module, FlushFileBuffers, flush_file_buffers);
    serve_import(module, DeviceIoControl, device_io_control);
    serve_import(module, FindFirstVolumeW, find_first_volume);
    serve_import(module, FindNextVolumeW, find_next_volume);
    serve_import(module, FindVolumeClose, find_volume_close);
    serve_import(module, GetDriveTypeW, get_drive_type);
    serve_import(module, GetVolumeInformationW, get_volume_information);
    serve_import(module, GetVolumePathNamesForVolumeNameW, get_volume_path_names);
    serve_import(module, GetVolumePathNameW, get_volume_path_name);
    serve_import(module, GetVolumeNameForVolumeMountPointW, get_volume_name);
}

}  // namespace stand_in
